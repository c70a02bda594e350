#include <stdlib.h>
#include <string.h>
struct parser { char *text; };
struct parser *parser_new(void) { return calloc(1, sizeof(struct parser)); }
void parser_free(struct parser *p) { if (!p) return; free(p->text); free(p); }
int parser_feed(struct parser *p, const char *text) { free(p->text); p->text = strdup(text); return p->text != 0; }
void take_text(char *text) { free(text); }
void parser_unref(struct parser *p, int last) { if (last) parser_free(p); }
