/* The engine in C: ``Value``, and the float sweep of ``core/sweep.py``.

   Read ``value.py`` and ``sweep.py`` first: they are the definition, and this is the same for what
   comes nearly always. Whatever else comes, such as a number that is no float, a block that looks
   on, or an operation of a user's own, goes to the definition's own function, on the same nodes.
   The operations are in ``operations.h``, which ``build.py`` writes from the operation table; none
   is named here. Below are the parts, in the order in which they read.

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

#include "node.h"
#include "record.h"
#include "sweep.h"
#include "value.h"

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

/* What properties are made of: Value.data and its like are such, as a subclass may build on them. */
static PyObject *read_by(getter get, PyObject *self)
{
    if (PyObject_TypeCheck(self, ValueType)) return get(self, NULL);
    return PyErr_Format(PyExc_TypeError, "expected a Value, got %R", self);
}

static PyObject *write_by(setter set, PyObject *const *given, Py_ssize_t count)
{
    if (count != 2 || !PyObject_TypeCheck(given[0], ValueType))
        return PyErr_Format(PyExc_TypeError, "expected a Value and what to assign");
    if (set(given[0], given[1], NULL) < 0) return NULL;
    Py_RETURN_NONE;
}

#define READER_AND_WRITER(name)                                                                    \
    static PyObject *read_##name(PyObject *Py_UNUSED(module), PyObject *self)                      \
    {                                                                                              \
        return read_by(get_##name, self);                                                          \
    }                                                                                              \
    static PyObject *write_##name(PyObject *Py_UNUSED(module), PyObject *const *given,             \
                                  Py_ssize_t count)                                                \
    {                                                                                              \
        return write_by(set_##name, given, count);                                                 \
    }

READER_AND_WRITER(data)
READER_AND_WRITER(grad)
READER_AND_WRITER(label)

#define READ_AND_WRITE(name)                                                                       \
    {"read_" #name, read_##name, METH_O, NULL},                                                    \
    {"write_" #name, (PyCFunction)(void (*)(void))write_##name, METH_FASTCALL, NULL}

static PyMethodDef core_methods[] = {
    {"bind", (PyCFunction)(void (*)(void))core_bind, METH_VARARGS | METH_KEYWORDS, NULL},
    {"call_for", core_call_for, METH_O, NULL},
    {"trust", core_trust, METH_VARARGS, NULL},
    READ_AND_WRITE(data),
    READ_AND_WRITE(grad),
    READ_AND_WRITE(label),
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
