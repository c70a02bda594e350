struct s { int a, b; struct s *next; char *name; };
int f(struct s *p, char *q, int n) { int r = 0; for (; p; p = p->next) { r += p->a + p->b; p->a = n; q[n]++; } return r; }
