/* Calls through a pointer that it is given: a rewritten object would need the runtime. */
int maker_twice(const int *at) { return *at * 2; }
