/* A5.library: MOV EAX, 0xC3EF010F; RET. From its second byte on it is WRPKRU; RET. */
unsigned number(void);
unsigned number(void) { return 0xc3ef010fu; }
