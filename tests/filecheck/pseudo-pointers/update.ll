; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; A load that a store through the same pointer follows asks the store's question:
; whoever may write may read, and the second check folds into the first.

define void @increment(ptr %p) {
  %v = load i64, ptr %p, align 8
  %w = add i64 %v, 1
  store i64 %w, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @increment(
; CHECK:         %v = call i64 @galeed.load.i64.8.updated(
; CHECK:         call void @galeed.store.i64.8(

define i32 @other_size(ptr %p) {
  %v = load i32, ptr %p, align 8
  store i64 0, ptr %p, align 8
  ret i32 %v
}
; CHECK-LABEL: define i32 @other_size(
; CHECK:         %v = call i32 @galeed.load.i32.8(

define i64 @other_block(ptr %p, i1 %c) {
  %v = load i64, ptr %p, align 8
  br i1 %c, label %yes, label %no
yes:
  store i64 0, ptr %p, align 8
  br label %no
no:
  ret i64 %v
}
; CHECK-LABEL: define i64 @other_block(
; CHECK:         %v = call i64 @galeed.load.i64.8(

; CHECK-LABEL: define internal i64 @galeed.load.i64.8.updated(
; CHECK:         getelementptr inbounds i8, ptr %entry, i64 16
