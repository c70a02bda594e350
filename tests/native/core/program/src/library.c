/* What galeed-cc would make of a C function: nothing else in the program refers to
 * the gates, and this archive comes late on the linker's command line. */
void mpk_gate_enter(void *token, const char *function);
void mpk_gate_exit(void *token);
int mpk_gate_is_foreign(void);

int library_work(int number) {
    int token;
    mpk_gate_enter(&token, "library_work");
    int foreign = mpk_gate_is_foreign();
    mpk_gate_exit(&token);
    return foreign ? number + 1 : -1;
}
