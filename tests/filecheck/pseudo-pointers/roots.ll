; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; One entry for each root, carried along; a loop over one object has none of its own.

define i32 @loop(ptr %p, ptr %end) {
entry:
  br label %body
body:
  %q = phi ptr [ %p, %entry ], [ %next, %body ]
  %v = load i32, ptr %q, align 4
  %next = getelementptr i8, ptr %q, i64 4
  %done = icmp eq ptr %next, %end
  br i1 %done, label %out, label %body
out:
  ret i32 %v
}
; CHECK-LABEL: define i32 @loop(
; CHECK-NEXT:  entry:
; CHECK-NEXT:    [[P:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NOT:     @galeed.entry
; CHECK:         %v = call i32 @galeed.load.i32.4(ptr %q, ptr [[P]])
; CHECK-LABEL: out:

define i32 @list(ptr %p) {
entry:
  br label %body
body:
  %q = phi ptr [ %p, %entry ], [ %next, %body ]
  %next = load ptr, ptr %q, align 8
  %done = icmp eq ptr %next, null
  br i1 %done, label %out, label %body
out:
  ret i32 0
}
; CHECK-LABEL: define i32 @list(
; CHECK:         [[A:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK:         %q = phi ptr [ %p, %entry ], [ %next, %body ]
; CHECK-NEXT:    [[M:%galeed.[0-9]+]] = phi ptr [ [[A]], %entry ], [ [[N:%galeed.[0-9]+]], %body ]
; CHECK-NEXT:    %next = call ptr @galeed.load.ptr.8(ptr %q, ptr [[M]])
; CHECK-NEXT:    [[N]] = call ptr @galeed.entry(ptr %next)

define i32 @mixed(i1 %c, ptr %p) {
  %a = alloca i32, align 4
  %s = select i1 %c, ptr %a, ptr %p
  %v = load i32, ptr %s, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @mixed(
; CHECK-NEXT:    %a = alloca i32
; CHECK-NEXT:    [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    %s = select i1 %c, ptr %a, ptr %p
; CHECK-NEXT:    [[S:%galeed.[0-9]+]] = select i1 %c, ptr inttoptr (i64 35253360001024 to ptr), ptr [[E]]
; CHECK-NEXT:    %v = call i32 @galeed.load.i32.4(ptr %s, ptr [[S]])

declare ptr @malloc(i64)

define i32 @fresh(i1 %c) {
  %a = alloca i32, align 4
  %m = call ptr @malloc(i64 4)
  %s = select i1 %c, ptr %a, ptr %m
  %v = load i32, ptr %s, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @fresh(
; CHECK:         %v = load i32, ptr %s, align 4

declare ptr @other()
declare i32 @personality(...)

; The normal block has another predecessor: the entry is computed where it is used.
define i32 @invoked(i1 %c) personality ptr @personality {
start:
  br i1 %c, label %try, label %join
try:
  %p = invoke ptr @other() to label %join unwind label %bad
join:
  %q = phi ptr [ %p, %try ], [ null, %start ]
  %v = load i32, ptr %q, align 4
  ret i32 %v
bad:
  %e = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %e
}
; CHECK-LABEL: define i32 @invoked(
; CHECK:         %q = phi ptr
; CHECK-NEXT:    [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %q)
; CHECK-NEXT:    %v = call i32 @galeed.load.i32.4(ptr %q, ptr [[E]])
