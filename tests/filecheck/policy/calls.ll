; RUN: galeed-opt %s --policy %S/calls.toml --passes=pseudo-pointers,checked-calls -S | filecheck %s
; RUN: galeed-opt %s --policy= --passes=pseudo-pointers,checked-calls -S | filecheck %s --check-prefix=WITHOUT

declare void @digest_update(ptr, ptr, i64)

define void @f(ptr %state, ptr %data, i64 %n) {
  call void @digest_update(ptr %state, ptr %data, i64 %n)
  ret void
}

; CHECK-LABEL: define void @f(
; CHECK:         call void @galeed.call.digest_update(ptr %state, ptr %data, i64 %n)
; WITHOUT-LABEL: define void @f(
; WITHOUT:         call void @digest_update(ptr %state, ptr %data, i64 %n)
