/* Python.h - the part of Python's stable ABI that cffi's glue code calls.
 *
 * Why not the interpreter's own: distributions ship it apart (on Debian in
 * python3-dev), and the toolkit must install where only Python itself is. All
 * that is declared here belongs to the stable ABI, the same in every Python
 * since 3.2 and promised for every later 3.x; objects stay opaque. The
 * compiler would report whatever a later cffi may need beyond it.
 *
 * Invariant: declarations only, no layout and no macro with a layout's knowledge.
 * Attacker: none; the glue runs with the host's rights.
 * Source: "C API Stability" in Python's documentation.
 */
#ifndef GALEED_STABLE_ABI_PYTHON_H
#define GALEED_STABLE_ABI_PYTHON_H

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef ssize_t Py_ssize_t;
typedef struct _object PyObject;
typedef struct _ts PyThreadState;

#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *

/* Reference counts, by function: the layout of an object is not our business. */
void Py_IncRef(PyObject *object);
void Py_DecRef(PyObject *object);
#define Py_INCREF(object) Py_IncRef((PyObject *)(object))
#define Py_DECREF(object) Py_DecRef((PyObject *)(object))
#define Py_XDECREF(object) Py_DecRef((PyObject *)(object)) /* ignores NULL by itself */

extern PyObject _Py_NoneStruct;
#define Py_None (&_Py_NoneStruct)

/* The interpreter lock is given up around each call into the runtime. */
PyThreadState *PyEval_SaveThread(void);
void PyEval_RestoreThread(PyThreadState *state);
#define Py_BEGIN_ALLOW_THREADS { PyThreadState *_saved = PyEval_SaveThread();
#define Py_END_ALLOW_THREADS PyEval_RestoreThread(_saved); }

int PyArg_UnpackTuple(PyObject *arguments, const char *name, Py_ssize_t least, Py_ssize_t most, ...);
PyObject *PyImport_ImportModule(const char *name);
PyObject *PyObject_CallMethod(PyObject *object, const char *name, const char *format, ...);
void *PyObject_Malloc(size_t bytes);
void PyObject_Free(void *memory);

PyObject *PyErr_Occurred(void);
_Noreturn void Py_FatalError(const char *message);

PyObject *PyBool_FromLong(long value);
PyObject *PyFloat_FromDouble(double value);
double PyFloat_AsDouble(PyObject *number);
PyObject *PyLong_FromLong(long value);
PyObject *PyLong_FromUnsignedLong(unsigned long value);
PyObject *PyLong_FromLongLong(long long value);
PyObject *PyLong_FromUnsignedLongLong(unsigned long long value);
PyObject *PyLong_FromVoidPtr(void *pointer);

#endif
