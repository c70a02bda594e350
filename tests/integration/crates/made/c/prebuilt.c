int prebuilt_one(void) { return 1; }
