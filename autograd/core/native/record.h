/* Recording: a new node for each operation, by operators, methods and calls of rows. */

static inline int takes(const Row *row, Py_ssize_t count)
{
    return row->arity == ANY ? count > 0 : count == row->arity;
}

static double forward(const Row *row, const double *x, Py_ssize_t count)
{
    switch (row->arity) {
    case 1: return row->forward.of_one(x[0]);
    case 2: return row->forward.of_two(x[0], x[1]);
    default: return row->forward.of_many(x, (int)count);
    }
}

/* Room for more than two operands. */
static Many *many_of(Py_ssize_t count)
{
    size_t room = offsetof(Many, operands) + (size_t)count * sizeof(PyObject *);
    Many *many = count <= INT_MAX ? PyMem_Malloc(room) : NULL; /* C's functions count by int */
    if (many) many->count = count;
    else PyErr_NoMemory();
    return many;
}

static inline void keep(Node *node, Many *many, PyObject *const *operands, Py_ssize_t count)
{
    if (many) node->many = many;
    PyObject **kept = many ? many->operands : node->few;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_INCREF(operands[i]);
        kept[i] = operands[i];
    }
    node->kept = many ? MANY : (uint8_t)count;
}

/* A new node. */
static inline PyObject *record(uint16_t row, double data, PyObject *const *operands,
                               Py_ssize_t count)
{
    Many *many = NULL;
    if (count > 2 && !(many = many_of(count))) return NULL;
    Node *node = slab_take();
    if (!node) {
        PyMem_Free(many);
        return PyErr_NoMemory();
    }
    PyObject_Init((PyObject *)node, ValueType);
    node->waiting = node->received = 0;
    node->row = row;
    node->data = data;
    node->grad = 0.0;
    node->since = now;
    node->notes = node->weakrefs = NULL;
    keep(node, many, operands, count);
    return (PyObject *)node;
}

/* A number as nearly everybody writes it: a float, or an int that a float can hold. */
static inline int is_usual(PyObject *number, double *x)
{
    if (PyFloat_CheckExact(number)) *x = PyFloat_AS_DOUBLE(number);
    else if (PyLong_CheckExact(number)) *x = PyLong_AsDouble(number);
    else return 0;
    if (*x != -1.0 || !PyErr_Occurred()) return 1;
    PyErr_Clear();
    return 0;
}

static inline int is_number(PyObject *x) { return PyFloat_CheckExact(x) || is_value(x); }

/* Whether a function that was borrowed from Python could not be called. */
static inline int has_failed(double z) { return isnan(z) && PyErr_Occurred(); }

/* The first operand that is not exactly a float; NULL if all are. */
static PyObject *first_of(PyObject *const *operands, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (!PyFloat_CheckExact(operands[i])) return operands[i];
    return NULL;
}

/* An operation on what is given; NULL without an exception if it is for Python to do. */
static PyObject *recorded(uint16_t which, PyObject *const *operands, Py_ssize_t count)
{
    const Row *row = &rows[which];
    if (SOMEBODY(observers) || !takes(row, count)) return NULL;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!is_number(operands[i])) return NULL;
    if (row->arity == 1) {
        double z = row->forward.of_one(number_of(operands[0]));
        return has_failed(z) ? NULL : record(which, z, operands, 1);
    }
    double few[16] = {0.0}, *numbers = few, z;
    if (count > 16 && !(numbers = PyMem_Malloc((size_t)count * sizeof(double))))
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++) numbers[i] = number_of(operands[i]);
    z = forward(row, numbers, count);
    if (numbers != few) PyMem_Free(numbers);
    return has_failed(z) ? NULL : record(which, z, operands, count);
}

/* The same for two operands, which is what comes nearly always. */
static inline PyObject *recorded_of_two(uint16_t which, PyObject *const *operands)
{
    if (SOMEBODY(observers) || !is_number(operands[0]) || !is_number(operands[1])) return NULL;
    double x = number_of(operands[0]), y = number_of(operands[1]);
    return record(which, rows[which].forward.of_two(x, y), operands, 2);
}

/* An int among two operands as the float that it is; a new reference to a node, or NULL. */
static PyObject *recorded_with_int(uint16_t which, PyObject *const *operands, Py_ssize_t count)
{
    double number;
    for (Py_ssize_t i = 0; i < count && count <= 2; i++) {
        if (PyFloat_CheckExact(operands[i]) || !is_usual(operands[i], &number)) continue;
        PyObject *sides[] = {operands[0], operands[count - 1]}, *made = PyFloat_FromDouble(number);
        if (!made) return NULL;
        sides[i] = made;
        PyObject *node = recorded(which, sides, count);
        Py_DECREF(made);
        return node;
    }
    return NULL;
}

static PyObject *operator_of_one(int which, PyObject *x)
{
    PyObject *node = recorded(operators[which].row, &x, 1);
    return node || PyErr_Occurred() ? node : as_defined(operators[which].method, x, NULL, 0, NULL);
}

static PyObject *operator_of_two(int which, PyObject *x, PyObject *y)
{
    const Operator *operator = &operators[which];
    PyObject *sides[] = {x, y};
    PyObject *node = recorded_of_two(operator->row, sides);
    if (!node && !PyErr_Occurred()) node = recorded_with_int(operator->row, sides, 2);
    if (node || PyErr_Occurred()) return node;
    return PyObject_TypeCheck(x, ValueType) ? as_defined(operator->method, x, &y, 1, NULL)
                                            : as_defined(operator->reflected, y, &x, 1, NULL);
}

/* pow(x, y, modulo), which Python asks of x, and since 3.14 of y if x does not know. */
static PyObject *operator_of_three(int which, PyObject *x, PyObject *y, PyObject *modulo)
{
    PyObject *others[] = {y, modulo}, *turned[] = {x, modulo};
    if (modulo == Py_None) return operator_of_two(which, x, y);
    if (PyObject_TypeCheck(x, ValueType))
        return as_defined(operators[which].method, x, others, 2, NULL);
    if (PY_VERSION_HEX >= 0x030E0000 && PyObject_TypeCheck(y, ValueType))
        return as_defined(operators[which].reflected, y, turned, 2, NULL);
    Py_RETURN_NOTIMPLEMENTED;
}

static PyObject *method(uint16_t which, PyObject *x, PyObject *const *others, Py_ssize_t count,
                        PyObject *names)
{
    PyObject *node = NULL, *operands[] = {x, count ? others[0] : NULL};
    if (count < 2 && !names) node = recorded(which, operands, count + 1);
    if (count == 1 && !names && !node && !PyErr_Occurred())
        node = recorded_with_int(which, operands, 2);
    if (node || PyErr_Occurred()) return node;
    return as_defined(rows[which].name, x, others, count, names);
}

/* Where the Row of a row in Python is; BLANK if there is none, or with an exception. */
static uint16_t place_of(PyObject *op)
{
    PyObject *place = PyDict_GetItemWithError(places, op);
    if (!place && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_TypeError)) PyErr_Clear();
    return place ? (uint16_t)PyLong_AsLong(place) : BLANK;
}

/* A Row for a row in Python, for good, as the table keeps every row as well. */
static uint16_t add_row(const Row *row, PyObject *op)
{
    uint16_t added = rows_count;
    if (added == UINT16_MAX) {
        PyErr_Format(PyExc_OverflowError, "there are %d operations, and no more can be had", added);
        return BLANK;
    }
    Row *more = PyMem_Realloc(rows, (added + 1) * sizeof *rows);
    if (!more) {
        PyErr_NoMemory();
        return BLANK;
    }
    rows = more;
    rows[added] = *row;
    Py_INCREF(op);
    rows[added].op = op;
    rows_count++;
    PyObject *place = PyLong_FromLong(added);
    if (!place || PyDict_SetItem(places, op, place) < 0) added = BLANK;
    Py_XDECREF(place);
    return added;
}

static PyObject *value_record_operation(PyObject *Py_UNUSED(none), PyObject *const *arguments,
                                        Py_ssize_t count, PyObject *names)
{
    if (count == 2 && !names && PyTuple_CheckExact(arguments[1])) {
        PyObject *const *operands = &PyTuple_GET_ITEM(arguments[1], 0);
        Py_ssize_t taken = PyTuple_GET_SIZE(arguments[1]);
        PyObject *node = NULL;
        if (first_of(operands, taken)) node = recorded(place_of(arguments[0]), operands, taken);
        if (node || PyErr_Occurred()) return node;
    }
    PyObject *function = PyObject_GetAttrString(definition, "record_operation");
    if (!function) return NULL;
    PyObject *result = PyObject_Vectorcall(function, arguments, (size_t)count, names);
    Py_DECREF(function);
    return result;
}

/* What a row does when it is called: as the definition, which asks the first that is no float. */
static PyObject *op_call(PyObject *op, PyObject *const *operands, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t n = 0;
    while (n < count && (PyFloat_CheckExact(operands[n]) || PyLong_CheckExact(operands[n]))) n++;
    if (n < count && is_plain(operands[n]) && !names) {
        uint16_t row = place_of(op);
        PyObject *node = recorded(row, operands, count);
        if (!node && !PyErr_Occurred()) node = recorded_with_int(row, operands, count);
        if (node || PyErr_Occurred()) return node;
    } else if (n == count && n && n <= 2 && !names) { /* numbers alone give a number */
        const Row *row = &rows[place_of(op)];
        double x[2], z;
        if (PyErr_Occurred()) return NULL;
        if (takes(row, n) && is_usual(operands[0], &x[0]) && is_usual(operands[n - 1], &x[n - 1])) {
            z = forward(row, x, n);
            return has_failed(z) ? NULL : PyFloat_FromDouble(z);
        }
    }
    return called_with(call_of_op, op, operands, count, names);
}

static PyMethodDef op_call_method = METHOD("__call__", op_call, NULL);
