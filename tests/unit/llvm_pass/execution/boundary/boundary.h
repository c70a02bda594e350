typedef long peek_function(unsigned long at);
typedef long host_function(long *number);
struct three {
    long a, b;
    double c;
};

long back_peek(unsigned long at);
long back_alias(unsigned long at);
long back_weak(unsigned long at);
long back_variadic(int n, ...);
long back_sum(const long *numbers, long count);
long back_call(host_function *function, long *number);
long assembled(long a, long b); /* assembler: no gate, no body */
