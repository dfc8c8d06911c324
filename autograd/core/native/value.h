/* The type ``Value``: its attributes, how it is made, and how a graph of any depth is freed. */

/* Memory for a node that is blank; for that of a subclass Python has its own way. */
static PyObject *value_alloc(PyTypeObject *type, Py_ssize_t Py_UNUSED(items))
{
    if (type != ValueType) return PyType_GenericAlloc(type, 0);
    Node *node = slab_take();
    if (!node) return PyErr_NoMemory();
    memset(node, 0, sizeof(Node));
    return PyObject_Init((PyObject *)node, type);
}

static int value_init(PyObject *self, PyObject *arguments, PyObject *named)
{
    Node *node = (Node *)self;
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);
    PyObject *data = count ? PyTuple_GET_ITEM(arguments, 0) : NULL;
    PyObject *label = count > 1 ? PyTuple_GET_ITEM(arguments, 1) : NULL;
    PyObject *others = named;
    double number;
    if (count == 1 && named && PyDict_GET_SIZE(named) == 1 &&
        (label = PyDict_GetItemString(named, "label")))
        others = NULL;
    if (others || count < 1 || count > 2 || !is_usual(data, &number) || SOMEBODY(calls) ||
        SOMEBODY(observers) || (label && !PyUnicode_CheckExact(label)) || node->row != BLANK) {
        PyObject *function = PyObject_GetAttrString(definition, "__init__");
        PyObject *bound = function ? PyMethod_New(function, self) : NULL;
        PyObject *result = bound ? PyObject_Call(bound, arguments, named) : NULL;
        Py_XDECREF(function);
        Py_XDECREF(bound);
        Py_XDECREF(result);
        return result ? 0 : -1;
    }
    node->data = number;
    node->grad = 0.0;
    node->since = now;
    node->row = LEAF;
    Py_XINCREF(label);
    Py_XSETREF(node->notes, label);
    return 0;
}

/* Frees a node and what lived by it alone, however deep that is: the dead wait in a list. */
static void value_dealloc(PyObject *self)
{
    Node *node = (Node *)self, *dead = NULL;
    for (;;) {
        if (node->weakrefs) PyObject_ClearWeakRefs((PyObject *)node);
        Py_XDECREF(node->notes);
        Py_ssize_t count;
        PyObject **operands = operands_of(node, &count);
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *x = operands[i];
            if (is_plain(x) && Py_REFCNT(x) == 1) {
                Py_SET_REFCNT(x, 0);
                ((Node *)x)->next = dead;
                dead = (Node *)x;
            } else {
                Py_DECREF(x);
            }
        }
        if (node->kept == MANY) PyMem_Free(node->many);
        PyTypeObject *type = Py_TYPE(node);
        if (type == ValueType) slab_give(node);
        else type->tp_free(node);
        Py_DECREF(type);
        if (!dead) return;
        node = dead;
        dead = dead->next;
    }
}

static PyObject *get_as_defined(const char *name, PyObject *self)
{
    PyObject *property = PyObject_GetAttrString(definition, name);
    if (!property) return NULL;
    PyObject *got = Py_TYPE(property)->tp_descr_get(property, self, (PyObject *)Py_TYPE(self));
    Py_DECREF(property);
    return got;
}

static int set_as_defined(const char *name, PyObject *self, PyObject *given)
{
    PyObject *property = PyObject_GetAttrString(definition, name);
    if (!property) return -1;
    int failed = Py_TYPE(property)->tp_descr_set(property, self, given);
    Py_DECREF(property);
    return failed;
}

static PyObject *stale_names, *now_name; /* where Python reads the time */

static int advance(void)
{
    PyObject *time = PyLong_FromLongLong(now + 1);
    if (!time || PyDict_SetItem(stale_names, now_name, time) < 0) {
        Py_XDECREF(time);
        return -1;
    }
    Py_DECREF(time);
    now++;
    return 0;
}

static PyObject *core_advance(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return advance() < 0 ? NULL : PyLong_FromLongLong(now);
}

static int is_made(PyObject *self, const char *name)
{
    if (((Node *)self)->row != BLANK) return 1;
    PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute '%s'",
                 Py_TYPE(self)->tp_name, name);
    return 0;
}

static PyObject *get_data(PyObject *self, void *taken)
{
    if (!taken && SOMEBODY(watches)) return get_as_defined("data", self);
    return is_made(self, "_data") ? PyFloat_FromDouble(((Node *)self)->data) : NULL;
}

static int set_data(PyObject *self, PyObject *number, void *Py_UNUSED(closure))
{
    Node *node = (Node *)self;
    double x;
    if (!number || !is_usual(number, &x)) return set_as_defined("data", self, number);
    if (advance() < 0) return -1;
    node->data = x;
    node->since = node->kept ? UNPROVEN : now;
    return 0;
}

/* The number alone, as the engine writes it. */
static int take_data(PyObject *self, PyObject *number, void *Py_UNUSED(closure))
{
    double x = number ? PyFloat_AsDouble(number) : -1.0;
    if (!number) PyErr_SetString(PyExc_TypeError, "_data is a number");
    if (x == -1.0 && PyErr_Occurred()) return -1;
    Node *node = (Node *)self;
    node->data = x;
    if (node->row == BLANK) node->row = LEAF;
    return 0;
}

static PyObject *get_grad(PyObject *self, void *Py_UNUSED(closure))
{
    return is_made(self, "_grad") ? PyFloat_FromDouble(((Node *)self)->grad) : NULL;
}

static int set_grad(PyObject *self, PyObject *number, void *Py_UNUSED(closure))
{
    double x;
    if (!number || !is_usual(number, &x)) return set_as_defined("grad", self, number);
    ((Node *)self)->grad = x;
    return 0;
}

/* Of the notes, the label or the origin; both are borrowed. */
static PyObject *noted(Node *node, int origin)
{
    PyObject *notes = node->notes;
    if (notes && PyTuple_CheckExact(notes)) return PyTuple_GET_ITEM(notes, origin);
    return origin ? Py_None : notes;
}

static int note(Node *node, PyObject *label, PyObject *origin)
{
    PyObject *notes = label;
    Py_XINCREF(label);
    if (origin != Py_None) {
        Py_INCREF(origin);
        notes = label ? Py_BuildValue("(NN)", label, origin) : Py_BuildValue("(sN)", "", origin);
        if (!notes) return -1;
    }
    Py_XSETREF(node->notes, notes);
    return 0;
}

static PyObject *get_label(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *label = noted((Node *)self, 0);
    if (!is_made(self, "_label")) return NULL;
    if (!label) return PyUnicode_New(0, 0);
    Py_INCREF(label);
    return label;
}

/* The definition takes what is no plain text in hand, and sets it as ``_label``. */
static int set_label(PyObject *self, PyObject *label, void *checked)
{
    if (!label || !(checked ? PyUnicode_Check(label) : PyUnicode_CheckExact(label)))
        return set_as_defined("label", self, label);
    return note((Node *)self, label, noted((Node *)self, 1));
}

static PyObject *get_origin(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *origin = noted((Node *)self, 1);
    if (!is_made(self, "origin")) return NULL;
    Py_INCREF(origin);
    return origin;
}

static int set_origin(PyObject *self, PyObject *origin, void *Py_UNUSED(closure))
{
    return note((Node *)self, noted((Node *)self, 0), origin ? origin : Py_None);
}

static PyObject *get_op(PyObject *self, void *Py_UNUSED(closure))
{
    uint16_t row = ((Node *)self)->row;
    if (!is_made(self, "op")) return NULL;
    Py_INCREF(rows[row].op);
    return rows[row].op;
}

/* Copies and pickles fill in nodes that are blank; everybody else lets them be, or takes both row
   and operands away, for a leaf. What is wrong meanwhile, or for good, Python refuses to sweep. */
static int set_op(PyObject *self, PyObject *op, void *Py_UNUSED(closure))
{
    static const Row own = {.arity = FOREIGN};
    Node *node = (Node *)self;
    uint16_t row = node->kept ? ODD : LEAF;
    if (op && op != Py_None) {
        row = place_of(op);
        if (row == BLANK && !PyErr_Occurred()) row = add_row(&own, op);
        if (row == BLANK) return -1;
    }
    node->row = row;
    return 0;
}

static PyObject *get_operands(PyObject *self, void *Py_UNUSED(closure))
{
    Py_ssize_t count;
    PyObject **operands = operands_of((Node *)self, &count), *all = NULL;
    if (is_made(self, "operands")) all = PyTuple_New(count);
    for (Py_ssize_t i = 0; all && i < count; i++) {
        Py_INCREF(operands[i]);
        PyTuple_SET_ITEM(all, i, operands[i]);
    }
    return all;
}

static int set_operands(PyObject *self, PyObject *given, void *Py_UNUSED(closure))
{
    if (!given || !PyTuple_CheckExact(given)) {
        PyErr_SetString(PyExc_TypeError, "operands: expected a tuple of Values and floats");
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(given);
    Many *many = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *x = PyTuple_GET_ITEM(given, i);
        if (PyFloat_CheckExact(x) || PyObject_TypeCheck(x, ValueType)) continue;
        PyErr_Format(PyExc_TypeError, "operands: expected Values and floats, got %R", x);
        return -1;
    }
    if (count > 2 && !(many = many_of(count))) return -1;
    Node *node = (Node *)self, before = *node;
    keep(node, many, &PyTuple_GET_ITEM(given, 0), count);
    if (node->row < FIRST) node->row = count ? ODD : LEAF;
    PyObject **dropped = operands_of(&before, &count);
    for (Py_ssize_t i = 0; i < count; i++) Py_DECREF(dropped[i]);
    if (before.kept == MANY) PyMem_Free(before.many);
    return 0;
}

static PyObject *value_compare(PyObject *self, PyObject *other, int kind)
{
    static const char *const names[] = {"__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"};
    if (kind == Py_EQ || kind == Py_NE) /* by identity */
        return PyBaseObject_Type.tp_richcompare(self, other, kind);
    double x = ((Node *)self)->data, y;
    if (SOMEBODY(watches) || !is_value(self) || !(is_usual(other, &y) || is_value(other)))
        return as_defined(names[kind], self, &other, 1, NULL);
    if (is_value(other)) y = ((Node *)other)->data;
    Py_RETURN_RICHCOMPARE(x, y, kind);
}

/* By identity, as ``==``: whoever has a comparison of its own has to say so. */
static Py_hash_t value_hash(PyObject *self) { return PyBaseObject_Type.tp_hash(self); }

static int value_bool(PyObject *self)
{
    if (!SOMEBODY(watches) && is_value(self)) return ((Node *)self)->data != 0.0;
    PyObject *truth = as_defined("__bool__", self, NULL, 0, NULL);
    int is_true = truth ? PyObject_IsTrue(truth) : -1;
    Py_XDECREF(truth);
    return is_true;
}

static PyMethodDef value_methods[] = {
    METHOD("backward", value_backward, DOC_backward),
    METHOD("recompute", value_recompute, DOC_recompute),
    {"record_operation", (PyCFunction)(void (*)(void))value_record_operation,
     METH_FASTCALL | METH_KEYWORDS | METH_STATIC, DOC_record_operation},
    OPERATION_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyMemberDef value_members[] = {
    {"_grad", T_DOUBLE, offsetof(Node, grad), 0, NULL},
    {"since", T_LONGLONG, offsetof(Node, since), 0, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Node, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef value_attributes[] = {
    {"_data", get_data, take_data, NULL, (void *)1},
    {"_label", get_label, set_label, NULL, (void *)1},
    {"origin", get_origin, set_origin, NULL, NULL},
    {"op", get_op, set_op, NULL, NULL},
    {"operands", get_operands, set_operands, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* Instances of a subclass are the collector's to track, and hold their class. Without this function
   those of the type itself would be as well, for its base is. Operands it does not see. */
static int value_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static PyType_Slot value_slots[] = {
    {Py_tp_doc, DOC_Value},
    {Py_tp_init, value_init},
    {Py_tp_dealloc, value_dealloc},
    {Py_tp_alloc, value_alloc},
    {Py_tp_free, PyObject_Free}, /* of no subclass's; a plain node goes back where it came from */
    {Py_tp_traverse, value_traverse},
    {Py_tp_hash, value_hash},
    {Py_tp_richcompare, value_compare},
    {Py_tp_methods, value_methods},
    {Py_tp_members, value_members},
    {Py_tp_getset, value_attributes},
    {Py_nb_bool, value_bool},
    OPERATION_SLOTS,
    {0, NULL},
};

static PyType_Spec value_spec = {
    "autograd.core.value.Value", sizeof(Node), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    value_slots,
};
