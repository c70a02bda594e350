static int *target;
void set_target(int *where) { target = where; }
void tick(void) { if (target) ++*target; }
