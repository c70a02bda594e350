// build: cc -shared -fPIC -nostdlib -O1 -fno-asynchronous-unwind-tables -Wl,--no-eh-frame-hdr,--no-ld-generated-unwind-info -o {out} {in}
extern void qsort(void *, unsigned long, unsigned long, int (*)(const void *, const void *));
void sorted(int *all, unsigned long many, int (*order)(const void *, const void *)) {
    qsort(all, many, sizeof *all, order);
    all[0]++;
}
