// build: cc -c -O1 -fno-exceptions -fno-asynchronous-unwind-tables -o {out} {in}
extern int visit(int (*each)(int), int value);
int walk(int (*each)(int)) {
    return visit(each, 1) + 1;
}
