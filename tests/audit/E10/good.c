// build: cc -c -O1 -fexceptions -o {out} {in}
extern int visit(int (*each)(int), int value);
int walk(int (*each)(int)) {
    return visit(each, 1) + 1;
}
