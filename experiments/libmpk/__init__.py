"""libmpk's figures, reproduced: virtual keys beside mprotect(2) and bare WRPKRU."""
