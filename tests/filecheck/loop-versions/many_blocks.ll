; RUN: galeed-opt %s --passes=loop-versions -S | filecheck %s
; Copied blocks are named in the order of the text (test_determinism runs this under several hash seeds).

define i32 @many(ptr %p, i32 %n) {
start:
  br label %head

head:
  %i = phi i32 [ 0, %start ], [ %next, %latch ]
  %v = load i32, ptr %p, align 4
  switch i32 %v, label %other [
    i32 0, label %case0
    i32 1, label %case1
    i32 2, label %case2
    i32 3, label %case3
    i32 4, label %case4
    i32 5, label %case5
    i32 6, label %case6
    i32 7, label %case7
  ]

case0:
  store i32 1, ptr %p, align 4
  br label %latch

case1:
  store i32 2, ptr %p, align 4
  br label %latch

case2:
  store i32 3, ptr %p, align 4
  br label %latch

case3:
  store i32 4, ptr %p, align 4
  br label %latch

case4:
  store i32 5, ptr %p, align 4
  br label %latch

case5:
  store i32 6, ptr %p, align 4
  br label %latch

case6:
  store i32 7, ptr %p, align 4
  br label %latch

case7:
  store i32 8, ptr %p, align 4
  br label %latch

other:
  br label %latch

latch:
  %next = add i32 %i, 1
  %done = icmp eq i32 %next, %n
  br i1 %done, label %out, label %head

out:
  ret i32 %v
}
; CHECK-LABEL: define i32 @many(
; CHECK:         switch i32 %galeed.v2, label %galeed.v14 [
; CHECK-NEXT:      i32 0, label %galeed.v6
; CHECK-NEXT:      i32 1, label %galeed.v7
; CHECK-NEXT:      i32 2, label %galeed.v8
; CHECK-NEXT:      i32 3, label %galeed.v9
; CHECK-NEXT:      i32 4, label %galeed.v10
; CHECK-NEXT:      i32 5, label %galeed.v11
; CHECK-NEXT:      i32 6, label %galeed.v12
; CHECK-NEXT:      i32 7, label %galeed.v13
