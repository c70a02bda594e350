/* recorder.h - see recorder.c. */
#ifndef RECORDER_H
#define RECORDER_H

#define RECORDED 77 /* exit code: the evidence says which signal it was */
int recorder_install(void); /* 0, or -1 with errno */

#endif
