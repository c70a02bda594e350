static int *target;
void set_target(int *where) { target = where; }
void clear_target(void) { target = 0; }
void tick(void) { if (target) ++*target; }
void callback(void);
__attribute__((noinline)) void work(void) { tick(); tick(); }
void run(int *where) { target = where; work(); target = 0; }
