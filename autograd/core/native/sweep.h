/* Reverse mode, as ``sweep.py`` has it: who reports before whom, and the chain rule. */

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

#define FOR_PYTHON (-2) /* the count of a graph that C cannot sweep */

/* Counts what is under a root. Returns -1 for an exception, such as that the graph is stale. */
static Py_ssize_t counted(Node *root)
{
    int foreign, doubtful;
    if (is_too_deep()) return -1;
    Py_ssize_t count = count_consumers(root, &foreign, &doubtful);
    if (count >= 0 && (foreign || doubtful)) {
        forget(count);
        if (foreign) return FOR_PYTHON;
        PyObject *checked = PyObject_CallOneArg(refuse_stale, (PyObject *)root);
        if (!checked) return -1;
        Py_DECREF(checked);
        count = count_consumers(root, &foreign, &doubtful); /* Python may have let others at it */
        if (count >= 0 && foreign) forget(count);
        if (count >= 0 && foreign) return FOR_PYTHON;
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
    if (count == FOR_PYTHON) return as_defined("backward", self, NULL, 0, NULL);
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
    Py_ssize_t count = is_value(root) ? counted((Node *)root) : FOR_PYTHON;
    if (count == FOR_PYTHON) {
        Py_DECREF(gradients);
        return PyObject_CallFunctionObjArgs(defined_slopes, root, wanted, NULL);
    }
    if (count < 0) goto failed;
    /* What is found stays, to put back by it what interior nodes held: the order goes elsewhere. */
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
