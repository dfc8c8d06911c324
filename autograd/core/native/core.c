/* The engine in C: ``Value``, and the float sweep of ``core/sweep.py``.

   Read ``value.py`` and ``sweep.py`` first: they are the definition, and this is the same for what
   comes nearly always. Whatever else comes, such as a number that is no float, a block that looks
   on, or an operation of a user's own, goes to the definition's own function, on the same nodes.
   The operations are in ``operations.h``, which ``build.py`` writes from the operation table; none
   is named here.

   Everything runs under the interpreter's lock, and a sweep calls nothing that lets go of it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if FLT_EVAL_METHOD != 0
#error "numbers would be rounded otherwise than in Python: this processor keeps more digits"
#endif
#if defined(_MSC_VER)
#pragma fp_contract(off)
#endif

/* Rows of the operation table -------------------------------------------------------------------- */

#define BLANK 0      /* no row at all; that of a node that __init__ has not made */
#define LEAF 1       /* that of a leaf, which has none */
#define ODD 2        /* that of a node whose row somebody took away, but not its operands */
#define FIRST 3      /* that of the first of ``table`` */
#define ANY 0        /* the arity of a row that takes any number of operands */
#define FOREIGN (-1) /* and of one that only Python can compute, such as a user's own */

/* A function of numbers; of a slope, the result comes first. */
typedef union {
    double (*of_one)(double);
    double (*of_two)(double, double);
    double (*of_three)(double, double, double);
    double (*of_many)(const double *, int);
    double (*slope_of_many)(double, const double *);
} Function;

typedef struct {
    const char *name;
    int arity;
    uint16_t of_all;        /* the row that the slopes need besides, once for a node; or BLANK */
    Function forward;
    const Function *slopes; /* NULL where no derivative passes; of any number of operands, one */
    PyObject *op;           /* the row in Python */
} Row;

/* An operator of Python, and what the definition calls it. */
typedef struct {
    uint16_t row;
    const char *method, *reflected;
} Operator;

static double borrowed(int which, const double *x, size_t count);
static PyObject *operator_of_one(int which, PyObject *x);
static PyObject *operator_of_two(int which, PyObject *x, PyObject *y);
static PyObject *operator_of_three(int which, PyObject *x, PyObject *y, PyObject *modulo);
static PyObject *method(uint16_t which, PyObject *x, PyObject *const *others, Py_ssize_t count,
                        PyObject *names);

#define METHOD(name, function, text) \
    {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL | METH_KEYWORDS, text}

#include "operations.h"

/* Value ------------------------------------------------------------------------------------------- */

/* 80 bytes, of which a sweep needs the first 64, and nothing that Python's cycle collector would
   have to walk. A constant operand is the float that it was given as. */
typedef struct Node {
    PyObject_HEAD
    uint32_t waiting;       /* consumers that have not reported; 0 but in a sweep */
    uint8_t received;       /* whether any has; likewise */
    uint8_t kept;           /* how many operands, or MANY; none of a leaf */
    uint16_t row;           /* which of ``rows``; or BLANK, LEAF, ODD */
    double data, grad;
    union {
        PyObject *few[2];
        struct Many *many;  /* if they are more than two */
        double total;       /* a leaf's: what a sweep has brought it */
    };
    union {
        int64_t since;      /* when the node got its number, in assignments */
        struct Node *next;  /* of the dead, once it is dead itself */
    };
    PyObject *notes;        /* the label, or a tuple of label and origin; NULL for neither */
    PyObject *weakrefs;
} Node;

typedef struct Many {
    Py_ssize_t count;
    PyObject *operands[1];
} Many;

#define MANY 3
#include "slabs.h"

#define UNPROVEN ((int64_t)PY_SSIZE_T_MAX) /* later than any time */

static int64_t now;             /* how many assignments there have been */
static PyTypeObject *ValueType;
static PyObject *definition;    /* the Value of Python */
static PyObject *call_of_op, *defined_slopes; /* and the __call__ of its rows; its slopes() */
static PyObject *observers, *calls, *watches; /* sets: who is looking on */
static PyObject *adding;        /* a lock: held where Python's sweep adds to gradients */
static PyObject *refuse_stale;  /* called with a root that may be stale; raises if it is */
static Row *rows;               /* those of ``table`` from 1 on, then those of a user's own */
static uint16_t rows_count;
static PyObject *places;        /* dict: where the Row of each row in Python is */
static PyObject *borrowed_functions[BORROWED + 1];

#define SOMEBODY(blocks) (PySet_GET_SIZE(blocks) != 0)

static inline int is_plain(PyObject *x) { return Py_TYPE(x) == ValueType; }

/* A subclass may forget to call __init__: its instances are none yet, as Python finds. */
static inline int is_value(PyObject *x)
{
    return is_plain(x) || (PyObject_TypeCheck(x, ValueType) && ((Node *)x)->row != BLANK);
}

/* An operand that is exactly a float is no node. */
static inline Node *node_of(PyObject *operand)
{
    return PyFloat_CheckExact(operand) ? NULL : (Node *)operand;
}

static inline double number_of(PyObject *operand)
{
    Node *node = node_of(operand);
    return node ? node->data : PyFloat_AS_DOUBLE(operand);
}

/* The operands of a node, and in ``count`` how many. */
static inline PyObject **operands_of(Node *node, Py_ssize_t *count)
{
    if (node->kept == MANY) {
        *count = node->many->count;
        return node->many->operands;
    }
    *count = node->kept;
    return node->few;
}

/* A function called with something before the arguments, as Python calls a method. */
static PyObject *called_with(PyObject *function, PyObject *first, PyObject *const *arguments,
                             Py_ssize_t count, PyObject *names)
{
    Py_ssize_t all = count + (names ? PyTuple_GET_SIZE(names) : 0);
    PyObject *few[8], **given = all < 8 ? few : PyMem_Malloc((size_t)(all + 1) * sizeof *given);
    if (!given) return PyErr_NoMemory();
    given[0] = first;
    for (Py_ssize_t i = 0; i < all; i++) given[i + 1] = arguments[i];
    PyObject *result = PyObject_Vectorcall(function, given, (size_t)(count + 1), names);
    if (given != few) PyMem_Free(given);
    return result;
}

/* What the definition's method of that name gives. */
static PyObject *as_defined(const char *name, PyObject *self, PyObject *const *arguments,
                            Py_ssize_t count, PyObject *names)
{
    PyObject *function = PyObject_GetAttrString(definition, name);
    if (!function) return NULL;
    PyObject *result = called_with(function, self, arguments, count, names);
    Py_DECREF(function);
    return result;
}

/* Recording --------------------------------------------------------------------------------------- */

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
    }
    return called_with(call_of_op, op, operands, count, names);
}

static PyMethodDef op_call_method = METHOD("__call__", op_call, NULL);

/* The sweep --------------------------------------------------------------------------------------- */

/* Interior nodes in the order in which they are met; the storage of one sweep, kept for the next. */
static Node **found;
static Py_ssize_t found_room;
#define ROOM_KEPT (1 << 20)

static double *wide; /* and the numbers of the widest operation among them */
static Py_ssize_t wide_room;

static int is_room_for(Py_ssize_t count)
{
    if (count <= found_room) return 1;
    Py_ssize_t room = count + count / 2 + 1024;
    Node **larger = PyMem_RawRealloc(found, (size_t)room * sizeof *found);
    if (!larger) return 0;
    found = larger;
    found_room = room;
    return 1;
}

static int is_wide_enough(Py_ssize_t count)
{
    if (count <= wide_room) return 1;
    double *wider = PyMem_RawRealloc(wide, (size_t)count * sizeof *wider);
    if (!wider) return 0;
    wide = wider;
    wide_room = count;
    return 1;
}

static void give_room_back(void)
{
    if (found_room <= ROOM_KEPT) return;
    PyMem_RawFree(found);
    found = NULL;
    found_room = 0;
}

/* Nodes in a queue lie anywhere in memory, which is slow: let what comes soon be on its way. (A
   macro, as gcc leaves out a function that does nothing else.) */
#if defined(__GNUC__)
#define FETCH(queue, n, count)                                                                     \
    if ((n) + 16 < (count)) {                                                                      \
        __builtin_prefetch((queue)[(n) + 16]);                                                     \
        __builtin_prefetch((char *)(queue)[(n) + 16] + 56);                                        \
        __builtin_prefetch((queue)[(n) + 8]->few[0]);                                              \
        __builtin_prefetch((queue)[(n) + 8]->few[1]);                                              \
    }
#else
#define FETCH(queue, n, count)
#endif

/* As if nothing had been counted among the first nodes that were found. */
static void forget(Py_ssize_t count)
{
    for (Py_ssize_t n = 0; n < count; n++) {
        Py_ssize_t uses;
        PyObject **operands = operands_of(found[n], &uses);
        for (Py_ssize_t i = 0; i < uses; i++) {
            Node *x = node_of(operands[i]);
            if (x) x->waiting = 0;
        }
    }
}

/* How often each node under a root is used as an operand; what is interior goes to ``found``.

   Returns how many these are, or -1 if memory runs out. ``foreign`` says whether there is a node
   that only Python can compute, or refuse, ``doubtful`` whether an operand is younger than what was
   made of it, or a number was assigned to what was made of others. */
static Py_ssize_t count_consumers(Node *root, int *foreign, int *doubtful)
{
    Py_ssize_t count = 0;
    *foreign = *doubtful = 0;
    if (root->row != LEAF) {
        if (!is_room_for(1)) return -1;
        found[count++] = root;
    }
    for (Py_ssize_t n = 0; n < count; n++) {
        Node *node = found[n];
        Py_ssize_t uses;
        FETCH(found, n, count)
        PyObject **operands = operands_of(node, &uses);
        *foreign |= !takes(&rows[node->row], uses);
        *doubtful |= node->since == UNPROVEN;
        if (!is_room_for(count + uses) || !is_wide_enough(uses)) {
            forget(n);
            return -1;
        }
        for (Py_ssize_t i = 0; i < uses; i++) {
            Node *x = node_of(operands[i]);
            if (!x) continue;
            *doubtful |= x->since > node->since;
            if (!x->waiting++ && x->row != LEAF) found[count++] = x;
        }
    }
    return count;
}

/* One more contribution to an operand's gradient; a sum that began with 0.0 would lose a -0.0. */
static inline void report(Node *operand, double contribution)
{
    double *total = operand->row != LEAF ? &operand->grad : &operand->total;
    *total = operand->received ? *total + contribution : contribution;
    operand->received = 1;
}

/* The slope in the i-th operand, where all are x; ``shared`` is what the row has of them besides. */
static inline double slope_of(const Row *row, Py_ssize_t i, double z, const double *x, double shared)
{
    switch (row->arity) {
    case 1: return row->slopes[0].of_two(z, x[0]);
    case 2: return row->slopes[i].of_three(z, x[0], x[1]);
    case ANY:
        return row->of_all == BLANK ? row->slopes[0].of_two(z, x[i])
                                   : row->slopes[0].of_three(z, x[i], shared);
    default: return row->slopes[i].slope_of_many(z, x);
    }
}

/* The chain rule: each operand that a derivative passes to receives gradient * slope. */
static inline void send(Node *node)
{
    const Row *row = &rows[node->row];
    Py_ssize_t count;
    PyObject **operands = operands_of(node, &count);
    double few[2], *x = count > 2 ? wide : few, shared = 0.0;
    for (Py_ssize_t i = 0; i < count; i++) x[i] = number_of(operands[i]);
    if (row->of_all != BLANK) shared = forward(&rows[row->of_all], x, count);
    for (Py_ssize_t i = 0; i < count; i++) {
        Node *to = node_of(operands[i]);
        if (to && row->slopes[row->arity == ANY ? 0 : i].of_two)
            report(to, node->grad * slope_of(row, i, node->data, x, shared));
    }
}

/* Adds to a leaf what the sweep has brought it. */
static void settle(Node *leaf)
{
    double gradient = leaf->received ? leaf->total : 0.0;
    leaf->grad = leaf->grad == 0.0 ? gradient : leaf->grad + gradient;
    leaf->received = 0;
}

/* The reverse sweep over what has been counted: a node's turn comes when its last consumer has
   reported. Interior nodes hold their gradients then; leaves are settled if it ``adds``, else they
   hold it apart. ``order`` has room for all interior nodes and may be ``found`` itself. */
static void sweep(Node *root, Node **order, int adds)
{
    Py_ssize_t count = 0;
    report(root, 1.0);
    if (root->row != LEAF) order[count++] = root;
    else if (adds) settle(root);
    for (Py_ssize_t n = 0; n < count; n++) {
        Node *node = order[n];
        FETCH(order, n, count)
        /* No derivative comes to some. Their slopes may be infinite, and 0 * inf would be nan. */
        if (node->received) send(node);
        else node->grad = 0.0;
        if (adds) node->received = 0;
        Py_ssize_t uses;
        PyObject **operands = operands_of(node, &uses);
        for (Py_ssize_t i = 0; i < uses; i++) {
            Node *x = node_of(operands[i]);
            if (!x || --x->waiting) continue;
            if (x->row != LEAF) order[count++] = x;
            else if (adds) settle(x);
        }
    }
}

/* Whether calls are too deep for one more. Whoever asks before a walk, borrows meanwhile in peace. */
static int is_too_deep(void)
{
    if (Py_EnterRecursiveCall(" in a graph")) return 1;
    Py_LeaveRecursiveCall();
    return 0;
}

/* Counts what is under a root that may be swept in C. Returns -1 for an exception, such as that the
   graph is stale, and -2 if the sweep is for Python to do. */
static Py_ssize_t counted(Node *root)
{
    int foreign, doubtful;
    if (is_too_deep()) return -1;
    Py_ssize_t count = count_consumers(root, &foreign, &doubtful);
    if (count >= 0 && (foreign || doubtful)) {
        forget(count);
        if (foreign) return -2;
        PyObject *checked = PyObject_CallOneArg(refuse_stale, (PyObject *)root);
        if (!checked) return -1;
        Py_DECREF(checked);
        count = count_consumers(root, &foreign, &doubtful); /* Python may have let others at it */
        if (count >= 0 && foreign) forget(count);
        if (count >= 0 && foreign) return -2;
    }
    if (count < 0) PyErr_NoMemory();
    return count;
}

/* All that has been counted, each node after those that use it. The leaves are among them if there
   is room for so many more. Returns how many it puts into ``found``. */
static Py_ssize_t consumers_first(Node *root, Py_ssize_t leaves)
{
    Py_ssize_t count = 1;
    found[0] = root;
    for (Py_ssize_t n = 0; n < count; n++) {
        Py_ssize_t uses;
        FETCH(found, n, count)
        PyObject **operands = operands_of(found[n], &uses);
        for (Py_ssize_t i = 0; i < uses; i++) {
            Node *x = node_of(operands[i]);
            if (x && !--x->waiting && (leaves || x->row != LEAF)) found[count++] = x;
        }
    }
    return count;
}

static PyObject *core_consumers_first(PyObject *Py_UNUSED(module), PyObject *root)
{
    int foreign, doubtful;
    if (!is_value(root)) return PyErr_Format(PyExc_TypeError, "expected a Value, got %R", root);
    Py_ssize_t count = count_consumers((Node *)root, &foreign, &doubtful), leaves = 1;
    if (count < 0) return PyErr_NoMemory();
    for (Py_ssize_t n = 0; n < count; n++) { /* as many as operands, or fewer */
        Py_ssize_t uses;
        operands_of(found[n], &uses);
        leaves += uses;
    }
    if (!is_room_for(count + leaves)) {
        forget(count);
        return PyErr_NoMemory();
    }
    count = consumers_first((Node *)root, leaves);
    /* To make a list may run anything, and even sweep: the nodes must be held, and apart. */
    Node **held = PyMem_RawMalloc((size_t)count * sizeof *held);
    if (!held) return PyErr_NoMemory();
    for (Py_ssize_t n = 0; n < count; n++) {
        held[n] = found[n];
        Py_INCREF(held[n]);
    }
    give_room_back();
    PyObject *order = PyList_New(count);
    for (Py_ssize_t n = 0; n < count; n++)
        if (order) PyList_SET_ITEM(order, n, (PyObject *)held[n]);
        else Py_DECREF(held[n]);
    PyMem_RawFree(held);
    return order;
}

static int advance(void);

static PyObject *value_recompute(PyObject *self, PyObject *const *arguments, Py_ssize_t given,
                                 PyObject *names)
{
    int foreign = 1, doubtful;
    Py_ssize_t count = 0;
    if (is_too_deep()) return NULL;
    if (!given && !names && is_value(self))
        count = count_consumers((Node *)self, &foreign, &doubtful);
    if (count < 0) return PyErr_NoMemory();
    if (foreign) {
        forget(count);
        return as_defined("recompute", self, arguments, given, names);
    }
    if (count) consumers_first((Node *)self, 0);
    /* All at one time: none of them is younger than what was made of it. */
    if (advance() < 0) return NULL;
    while (count-- > 0) {
        Py_ssize_t uses;
        PyObject **operands = operands_of(found[count], &uses);
        for (Py_ssize_t i = 0; i < uses; i++) wide[i] = number_of(operands[i]);
        found[count]->data = forward(&rows[found[count]->row], wide, uses);
        found[count]->since = now;
    }
    give_room_back();
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *value_backward(PyObject *self, PyObject *const *arguments, Py_ssize_t given,
                                PyObject *names)
{
    if (given || names || SOMEBODY(observers) || !is_value(self))
        return as_defined("backward", self, arguments, given, names);
    PyObject *held = PyObject_CallMethod(adding, "acquire", NULL);
    if (!held) return NULL;
    Py_DECREF(held);
    Py_ssize_t count = counted((Node *)self);
    if (count >= 0) {
        sweep((Node *)self, found, 1);
        give_room_back();
    }
    PyObject *kind = NULL, *error = NULL, *trace = NULL;
    PyErr_Fetch(&kind, &error, &trace);
    PyObject *freed = PyObject_CallMethod(adding, "release", NULL);
    Py_XDECREF(freed);
    if (freed) PyErr_Restore(kind, error, trace);
    if (count == -2) return as_defined("backward", self, NULL, 0, NULL);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* slopes(root, wanted): the derivative by each of some Values, a tuple of floats. Nothing is written
   to any node but for as long as it takes. */
static PyObject *core_slopes(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *root, *wanted;
    if (!PyArg_ParseTuple(arguments, "O!O!", ValueType, &root, &PyTuple_Type, &wanted)) return NULL;
    Py_ssize_t size = PyTuple_GET_SIZE(wanted);
    PyObject *gradients = PyTuple_New(size);
    if (!gradients) return NULL;
    for (Py_ssize_t i = 0; i < size; i++)
        if (!PyObject_TypeCheck(PyTuple_GET_ITEM(wanted, i), ValueType)) goto failed;
    Py_ssize_t count = is_value(root) ? counted((Node *)root) : -2;
    if (count == -2) {
        Py_DECREF(gradients);
        return PyObject_CallFunctionObjArgs(defined_slopes, root, wanted, NULL);
    }
    if (count < 0) goto failed;
    Node **order = PyMem_RawMalloc((size_t)(count + 1) * sizeof *order);
    double *held = PyMem_RawMalloc((size_t)(count + 1) * sizeof *held);
    if (!order || !held) {
        forget(count);
        PyMem_RawFree(order);
        PyMem_RawFree(held);
        PyErr_NoMemory();
        goto failed;
    }
    int lost = 0; /* whether memory ran out; all is put back before that is said */
    for (Py_ssize_t n = 0; n < count; n++) held[n] = found[n]->grad;
    sweep((Node *)root, order, 0);
    for (Py_ssize_t i = 0; i < size; i++) {
        Node *node = (Node *)PyTuple_GET_ITEM(wanted, i);
        double gradient = node->row != LEAF ? node->grad : node->total;
        PyObject *number = PyFloat_FromDouble(node->received ? gradient : 0.0);
        PyTuple_SET_ITEM(gradients, i, number);
        lost |= !number;
    }
    ((Node *)root)->received = 0;
    for (Py_ssize_t n = 0; n < count; n++) {
        found[n]->grad = held[n];
        found[n]->received = 0;
        Py_ssize_t uses;
        PyObject **operands = operands_of(found[n], &uses);
        for (Py_ssize_t i = 0; i < uses; i++) {
            Node *x = node_of(operands[i]);
            if (x) x->received = 0;
        }
    }
    PyMem_RawFree(order);
    PyMem_RawFree(held);
    give_room_back();
    if (!lost && !PyErr_Occurred()) return gradients;
failed:
    Py_DECREF(gradients);
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "slopes() takes a tuple of Values");
    return NULL;
}

/* The type ---------------------------------------------------------------------------------------- */

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

/* Of the notes: the label, which is the second, or the origin. */
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
    {"data", get_data, set_data, DOC_data, NULL},
    {"_data", get_data, take_data, NULL, (void *)1},
    {"grad", get_grad, set_grad, DOC_grad, NULL},
    {"label", get_label, set_label, DOC_label, NULL},
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

/* The module -------------------------------------------------------------------------------------- */

static PyObject *taken(PyObject *given, const char *name)
{
    PyObject *thing = given ? PyDict_GetItemString(given, name) : NULL;
    if (!thing && !PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "bind() lacks %s", name);
    Py_XINCREF(thing);
    return thing;
}

/* A row's function in Python, for what the mathematics of C does not compute with the same bits. It
   runs no code in Python; should it fail, for want of memory, the exception stays set. */
static double borrowed(int which, const double *x, size_t count)
{
    PyObject *numbers[BORROWED_MOST], *result = NULL;
    size_t made = 0;
    while (made < count && (numbers[made] = PyFloat_FromDouble(x[made]))) made++;
    if (made == count && !PyErr_Occurred())
        result = PyObject_Vectorcall(borrowed_functions[which], numbers, count, NULL);
    while (made) Py_DECREF(numbers[--made]);
    double number = result ? PyFloat_AsDouble(result) : NAN;
    Py_XDECREF(result);
    return number;
}

/* bind(...): the type Value, once the core knows what stands around it. Called once. */
static PyObject *core_bind(PyObject *Py_UNUSED(module), PyObject *none, PyObject *given)
{
    if (ValueType || PyTuple_GET_SIZE(none))
        return PyErr_Format(PyExc_TypeError, "bind() takes names only, and only once");
    PyObject *ops = taken(given, "ops"), *base = taken(given, "base");
    if (!(definition = taken(given, "definition")) || !(observers = taken(given, "observers")) ||
        !(calls = taken(given, "calls")) || !(watches = taken(given, "watches")) ||
        !(adding = taken(given, "adding")) || !(refuse_stale = taken(given, "refuse_stale")) ||
        !(stale_names = taken(given, "stale")) ||
        !(defined_slopes = taken(given, "slopes")) || !(call_of_op = taken(given, "call_of_op")) ||
        !(now_name = PyUnicode_InternFromString("now")) || !(places = PyDict_New()) ||
        !ops || !base)
        return NULL;
    if (!(rows = PyMem_Calloc(FIRST, sizeof *rows))) return PyErr_NoMemory();
    for (rows_count = BLANK; rows_count < FIRST; rows_count++)
        rows[rows_count] = (Row){.arity = FOREIGN, .op = Py_None};
    for (int i = 0; i < ROWS; i++) {
        PyObject *op = PyMapping_GetItemString(ops, table[i].name);
        if (!op || add_row(&table[i], op) == BLANK) return NULL;
        Py_DECREF(op);
    }
    for (int i = 0; i < BORROWED; i++) {
        PyObject *op = PyMapping_GetItemString(ops, borrowed_names[i]);
        borrowed_functions[i] = op ? PyObject_GetAttrString(op, "forward") : NULL;
        if (!borrowed_functions[i]) return NULL;
        Py_DECREF(op);
    }
    PyObject *bases = PyTuple_Pack(1, base);
    if (!bases) return NULL;
    ValueType = (PyTypeObject *)PyType_FromSpecWithBases(&value_spec, bases);
    Py_DECREF(bases);
    Py_DECREF(base);
    Py_DECREF(ops);
    Py_XINCREF(ValueType);
    return (PyObject *)ValueType;
}

/* call_for(Op): the method by which rows are called. */
static PyObject *core_call_for(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (!PyType_Check(type)) return PyErr_Format(PyExc_TypeError, "call_for() takes a type");
    return PyDescr_NewMethod((PyTypeObject *)type, &op_call_method);
}

/* trust(op, holds): whether C may compute by a row, or somebody has given it other functions. */
static PyObject *core_trust(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *op;
    int holds;
    if (!PyArg_ParseTuple(arguments, "Op", &op, &holds)) return NULL;
    int place = place_of(op);
    if (FIRST <= place && place < FIRST + ROWS)
        rows[place].arity = holds ? table[place - FIRST].arity : FOREIGN;
    Py_RETURN_NONE;
}

static PyMethodDef core_methods[] = {
    {"bind", (PyCFunction)(void (*)(void))core_bind, METH_VARARGS | METH_KEYWORDS, NULL},
    {"call_for", core_call_for, METH_O, NULL},
    {"trust", core_trust, METH_VARARGS, NULL},
    {"slopes", core_slopes, METH_VARARGS, NULL},
    {"consumers_first", core_consumers_first, METH_O, NULL},
    {"advance", core_advance, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int core_exec(PyObject *module)
{
    if (ValueType || PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "it serves one interpreter, once");
        return -1;
    }
    /* What it was compiled from. */
    if (PyModule_AddStringConstant(module, "FORMULAS", FORMULAS) < 0) return -1;
    return PyModule_AddIntConstant(module, "SOURCE", SOURCE);
}

static PyModuleDef_Slot core_slots[] = {{Py_mod_exec, core_exec}, {0, NULL}};

static PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT, "autograd.core.native.core", "The engine in C; see core.c.", 0,
    core_methods, core_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_core(void) { return PyModuleDef_Init(&core_module); }
