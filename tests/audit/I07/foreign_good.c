static struct { void (*hook)(void *, int); void *user; } database;
static void keep(void *user) { database.user = user; }
void on_update(void (*hook)(void *, int), void *user) { database.hook = hook; keep(user); }
void update(int row) { if (database.hook) database.hook(database.user, row); }
void each_row(int n, void (*done)(void *, int), void *user) { for (int i = 0; i < n; i++) done(user, i); }
