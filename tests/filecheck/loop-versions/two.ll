; RUN: galeed-opt %s --passes=loop-versions -S | filecheck %s
; A loop is copied for lent pointers; one test in front chooses. What a loop makes is there twice
; behind it, so that no later loop is chosen by it.

define i32 @twice(ptr %p, ptr %q, i64 %n) {
start:
  br label %first

first:
  %i = phi i64 [ 0, %start ], [ %next, %first ]
  %at = getelementptr ptr, ptr %p, i64 %i
  %made = load ptr, ptr %at, align 8
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %first, label %between

between:
  br label %second

second:
  %j = phi i64 [ 0, %between ], [ %after, %second ]
  %there = getelementptr i32, ptr %made, i64 %j
  store i32 7, ptr %there, align 4
  %after = add i64 %j, 1
  %again = icmp ult i64 %after, %n
  br i1 %again, label %second, label %out

out:
  ret i32 0
}
; CHECK-LABEL: define i32 @twice(
; CHECK:         [[BITS:%galeed.v[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[TAG:%galeed.v[0-9]+]] = icmp slt i64 [[BITS]], 0
; CHECK-NEXT:    br i1 [[TAG]], label %[[LENT:galeed.v[0-9]+]], label %first, !prof
; CHECK:         %made = load ptr, ptr %at, align 8, !galeed.raw
; CHECK:         store i32 7, ptr %there, align 4
; CHECK-NOT:     galeed.raw
; CHECK:       [[LENT]]:
; CHECK-NEXT:    call ptr @galeed.entry(ptr %p), !galeed.lent
; CHECK:         load ptr, ptr %galeed.v{{[0-9]+}}, align 8, !galeed.lent
