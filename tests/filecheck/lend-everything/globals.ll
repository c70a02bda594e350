; RUN: galeed-opt %s --passes=lend-everything -S | filecheck %s
; Globals move behind slots; constant expressions are computed in the entry block; the
; pointers in their values are listed. What cannot move stays, and so does what it points to.

@counter = internal global i32 7, align 4
@list = internal global [2 x ptr] [ptr @counter, ptr getelementptr (i8, ptr @counter, i64 2)], align 16
@pair = internal global { i32, ptr } { i32 1, ptr @counter }, align 8
@.str = private unnamed_addr constant [3 x i8] c"hi\00", align 1
@seen.outside = global ptr @pointed.to, align 8
@pointed.to = internal global i32 0, align 4
@"with blank" = internal global i64 0, align 8

; CHECK-DAG: @galeed.lent.slot.counter = internal global ptr null, align 8
; CHECK-DAG: @galeed.lent.pointers.list = internal constant [2 x i64] [i64 0, i64 ptrtoint (ptr getelementptr ([2 x ptr], ptr null, i64 0, i32 1) to i64)]
; CHECK-DAG: @galeed.lent.row.list = internal constant { ptr, i64, i64, ptr, ptr, i64 } { ptr @list, i64 16, i64 16, ptr @galeed.lent.slot.list, ptr @galeed.lent.pointers.list, i64 2 }, section "galeed_lent", align 8
; CHECK-DAG: @"galeed.lent.slot.with blank" = internal global ptr null
; CHECK-DAG: @llvm.compiler.used = appending global {{.*}}section "llvm.metadata"

define i32 @get() {
  %v = load i32, ptr @counter, align 4
  store i64 1, ptr @"with blank", align 8
  ret i32 %v
}
; CHECK-LABEL: define i32 @get()
; CHECK-NEXT:    %galeed.lent.0 = load ptr, ptr @galeed.lent.slot.counter
; CHECK-NEXT:    %galeed.lent.1 = load ptr, ptr @"galeed.lent.slot.with blank"
; CHECK-NEXT:    %v = load i32, ptr %galeed.lent.0, align 4
; CHECK-NEXT:    store i64 1, ptr %galeed.lent.1, align 8

define i64 @expressions(i1 %c, ptr %p) {
start:
  br i1 %c, label %yes, label %no
yes:
  br label %no
no:
  %q = phi ptr [ @counter, %start ], [ getelementptr inbounds ([2 x ptr], ptr @list, i64 0, i64 1), %yes ]
  %same = icmp eq ptr %p, @counter
  store <2 x ptr> <ptr @list, ptr @pair>, ptr %p, align 16
  ret i64 sub (i64 ptrtoint (ptr @list to i64), i64 ptrtoint (ptr @counter to i64))
}
; CHECK-LABEL: define i64 @expressions(
; CHECK-NEXT:  start:
; CHECK-NEXT:    [[COUNTER:%galeed.lent.[0-9]+]] = load ptr, ptr @galeed.lent.slot.counter
; CHECK-NEXT:    [[LIST:%galeed.lent.[0-9]+]] = load ptr, ptr @galeed.lent.slot.list
; CHECK-NEXT:    [[SECOND:%galeed.lent.[0-9]+]] = getelementptr [2 x ptr], ptr [[LIST]], i64 0, i64 1
; CHECK:         phi ptr [ [[COUNTER]], %start ], [ [[SECOND]], %yes ]
; CHECK:         icmp eq ptr %p, [[COUNTER]]
; CHECK:         store <2 x ptr> %galeed.lent.{{[0-9]+}}, ptr %p
; CHECK:         ret i64 %galeed.lent.{{[0-9]+}}

define ptr @text() {
  ret ptr @.str
}
; CHECK-LABEL: define ptr @text()
; CHECK-NEXT:    ret ptr @.str

define ptr @stays() {
  ret ptr @pointed.to
}
; CHECK-LABEL: define ptr @stays()
; CHECK-NEXT:    ret ptr @pointed.to
