; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; What is tested is what a pointer was computed from: in a loop over one object always the same.

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
; CHECK:         %q = phi ptr [ %p, %entry ], [ %next, %[[END:galeed.[0-9]+]] ]
; CHECK-NEXT:    [[P:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    icmp slt i64 [[P]], 0
; CHECK:         [[Q:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    call preserve_mostcc i64 @galeed_load4(i64 [[Q]])
; CHECK:         load i32, ptr %q, align 4
; CHECK:       [[END]]:
; CHECK-NEXT:    %v = phi i32
; CHECK-NEXT:    %next = getelementptr i8, ptr %q, i64 4

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
; CHECK:         %q = phi ptr [ %p, %entry ], [ %next, %[[LEND:galeed.[0-9]+]] ]
; CHECK-NEXT:    [[LQ:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    icmp slt i64 [[LQ]], 0
; CHECK:         load ptr, ptr %q, align 8
; CHECK:       [[LEND]]:
; CHECK-NEXT:    %next = phi ptr

define i32 @mixed(i1 %c, ptr %p) {
  %a = alloca i32, align 4
  %s = select i1 %c, ptr %a, ptr %p
  %v = load i32, ptr %s, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @mixed(
; CHECK-NEXT:    %a = alloca i32
; CHECK-NEXT:    %s = select i1 %c, ptr %a, ptr %p
; CHECK-NEXT:    [[S:%galeed.[0-9]+]] = ptrtoint ptr %s to i64
; CHECK-NEXT:    icmp slt i64 [[S]], 0

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

; The normal block has another predecessor: what is known behind the phi is the phi.
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
; CHECK:         %q = phi ptr [ %p, %try ], [ null, %start ]
; CHECK-NEXT:    [[I:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    icmp slt i64 [[I]], 0
; CHECK:         %v = phi i32

; p + (q - p) lies where q lies, and is asked itself; within one object the root is asked.
define i32 @moved(ptr %p, ptr %q) {
  %a = ptrtoint ptr %p to i64
  %b = ptrtoint ptr %q to i64
  %d = sub i64 %b, %a
  %there = getelementptr i8, ptr %p, i64 %d
  %v = load i32, ptr %there, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @moved(
; CHECK:         [[BITS:%galeed.[0-9]+]] = ptrtoint ptr %there to i64
; CHECK-NEXT:    icmp slt i64 [[BITS]], 0

define i32 @along(ptr %p, i64 %n) {
  %q = getelementptr i8, ptr %p, i64 %n
  %a = ptrtoint ptr %p to i64
  %b = ptrtoint ptr %q to i64
  %d = sub nuw nsw i64 %b, %a
  %k = ashr exact i64 %d, 2
  %there = getelementptr i32, ptr %p, i64 %k
  %v = load i32, ptr %there, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @along(
; CHECK:         [[BITS:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    icmp slt i64 [[BITS]], 0
