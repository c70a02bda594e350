// setjmp and longjmp: places kept in any memory, over frames with buffers, in loops.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

struct task {
    jmp_buf place;
    volatile int tries;
    int *number;
    struct task *up;
};
static jmp_buf own;
static sigjmp_buf with_mask;

static __attribute__((noinline)) void leave(struct task *task, int depth) {
    int buffer[16] = {depth};
    *task->number += buffer[depth & 15];
    if (depth == 0)
        longjmp(task->place, ++task->tries);
    leave(task, depth - 1);
}

static int attempts(struct task *task) {
    volatile int seen = 0;
    int code = setjmp(task->place);
    seen = seen + 1;
    if (code < 4)
        leave(task, code + 2);
    return seen * 100 + code;
}

static int nested(struct task *task, int depth) {
    struct task inner = {.number = task->number, .up = task};
    if (depth == 0)
        longjmp(task->up->place, 7);
    switch (setjmp(inner.place)) {
    case 0: return nested(&inner, depth - 1);
    case 7: ++*inner.number; longjmp(task->place, 7);
    default: return -1;
    }
}

int main(void) {
    struct task *task = malloc(sizeof *task);
    task->tries = 0;
    task->up = NULL;
    task->number = malloc(sizeof *task->number);
    *task->number = 1;
    printf("%d\n", attempts(task));
    printf("%d %d\n", *task->number, task->tries);
    if (setjmp(task->place) == 0)
        printf("not here %d\n", nested(task, 3));
    printf("%d\n", *task->number);
    int code = setjmp(own);
    if (code == 0)
        longjmp(own, 0);
    printf("%d\n", code);
    code = sigsetjmp(with_mask, 1);
    if (code < 3)
        siglongjmp(with_mask, code + 1);
    printf("%d\n", code);
    void *builtin[5];
    volatile int round = 0;
    if (__builtin_setjmp(builtin) == 0)
        round = 1;
    printf("%d\n", round);
    free(task->number);
    free(task);
    return 0;
}
