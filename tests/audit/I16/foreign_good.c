struct options { int level, flags, window; };
void spread(int *out) { out[0] = 1; out[1] = 2; out[2] = 3; }
void some(int *out, int n) { out[0] = 1; if (n > 1) out[1] = 2; }
void clear(int *out) { out[0] = out[1] = out[2] = out[3] = 0; }
void fill(int *out, int n) { for (int i = 0; i < n; i++) out[i] = -1; }
int open_it(const struct options *o) { return o->level + o->window; }
