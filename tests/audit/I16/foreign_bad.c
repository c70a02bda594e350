struct options { int level, flags, window; };
void spread(int *out) { out[0] = 1; out[1] = 2; out[2] = 3; }
void clear(int *out) { out[0] = out[1] = out[2] = out[3] = 0; }
void fill(int *out) { for (int i = 0; i < 4; i++) out[i] = -1; }
int open_it(const struct options *o) { return o->level + o->window; }
void bounds(int *out, int n) {
    int top = 0;
    for (int i = 0; i < n; i++)
        top = (top ^ i) * n;
    out[0] = n;
    out[1] = top;
}
