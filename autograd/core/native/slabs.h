/* Where nodes live: slabs of 2 MB, of which those that have become empty are kept for the next graph.

   To get memory from the system takes longer than all else that is done for a node, for the system
   hands it out page by page as it is touched; and a training step makes as many nodes as the one
   before it has dropped. */

#define SLAB_SIZE ((size_t)1 << 21) /* a large page of memory, where the system has such */
#define SLABS_KEPT 48               /* empty ones: 96 MB, a graph of a million nodes */

#if defined(__SANITIZE_ADDRESS__) || defined(STEPGRAD_NO_SLABS)
/* So that who looks for faults in the use of memory sees every node by itself. */
static void *slab_take(void) { return PyObject_Malloc(sizeof(Node)); }
static void slab_give(void *node) { PyObject_Free(node); }
#else

#if defined(_WIN32)
#include <malloc.h>
#else
#include <sys/mman.h>
#endif

typedef struct Slab {
    struct Slab *previous, *next; /* in a ring of those that have room */
    void *free;                   /* nodes that were given back: each holds the next */
    char *fresh;                  /* from here on none has been taken */
    size_t taken;
} Slab;

static Slab roomy = {&roomy, &roomy, NULL, NULL, 0}; /* the ring of slabs with room, full ones left out */
static size_t empty;                                 /* how many of them hold no node */

static Slab *slab_of(void *node) { return (Slab *)((uintptr_t)node & ~(SLAB_SIZE - 1)); }

static void slab_link(Slab *slab)
{
    slab->next = roomy.next;
    slab->previous = &roomy;
    roomy.next->previous = slab;
    roomy.next = slab;
}

static void slab_unlink(Slab *slab)
{
    slab->previous->next = slab->next;
    slab->next->previous = slab->previous;
}

/* Whether there is no room, and it is not in the ring. */
static inline int slab_is_full(const Slab *slab)
{
    size_t used = (size_t)(slab->fresh - (const char *)slab);
    return !slab->free && used + sizeof(Node) > SLAB_SIZE;
}

static int slab_add(void)
{
#if defined(_WIN32)
    Slab *slab = _aligned_malloc(SLAB_SIZE, SLAB_SIZE);
    if (!slab) return 0;
#else
    void *slab_memory;
    if (posix_memalign(&slab_memory, SLAB_SIZE, SLAB_SIZE)) return 0;
    Slab *slab = slab_memory;
#endif
#if defined(MADV_HUGEPAGE)
    static int before;
    if (before++) madvise(slab, SLAB_SIZE, MADV_HUGEPAGE); /* the first may stay nearly empty */
#endif
    slab->free = NULL;
    slab->fresh = (char *)(slab + 1);
    slab->taken = 0;
    slab_link(slab);
    empty++;
    return 1;
}

/* Room for a node; NULL if there is no memory. */
static inline void *slab_take(void)
{
    if (roomy.next == &roomy && !slab_add()) return NULL;
    Slab *slab = roomy.next;
    void *node = slab->free;
    if (node) {
        slab->free = *(void **)node;
    } else {
        node = slab->fresh;
        slab->fresh += sizeof(Node);
    }
    if (!slab->taken++) {
        empty--;
        PyTraceMalloc_Track(0, (uintptr_t)slab, SLAB_SIZE); /* as Python counts what is in use */
    }
    if (slab_is_full(slab)) slab_unlink(slab);
    return node;
}

static inline void slab_give(void *node)
{
    Slab *slab = slab_of(node);
    if (slab_is_full(slab)) slab_link(slab);
    *(void **)node = slab->free;
    slab->free = node;
    if (--slab->taken) return;
    PyTraceMalloc_Untrack(0, (uintptr_t)slab);
    slab->free = NULL; /* from the beginning, so that neighbours in a graph are neighbours here */
    slab->fresh = (char *)(slab + 1);
    if (++empty <= SLABS_KEPT) return;
    slab_unlink(slab);
    empty--;
#if defined(_WIN32)
    _aligned_free(slab);
#else
    free(slab);
#endif
}
#endif
