/* A row of the operation table, a node of a graph, and what the core knows of the rest of Python. */

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
static Row *rows;               /* those of ``table`` from FIRST on, then a user's own */
static uint16_t rows_count;
static PyObject *places;        /* dict: where the Row of each row in Python is */
static PyObject *borrowed_functions[BORROWED + 1];

#define SOMEBODY(blocks) (PySet_GET_SIZE(blocks) != 0)

static inline int is_plain(PyObject *x) { return Py_TYPE(x) == ValueType; }

/* What nobody has called __init__ of, as a subclass may forget, is none yet, as Python finds. */
static inline int is_value(PyObject *x)
{
    return (is_plain(x) || PyObject_TypeCheck(x, ValueType)) && ((Node *)x)->row != BLANK;
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
