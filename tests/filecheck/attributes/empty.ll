; RUN: galeed-opt %s --passes=attributes -S | filecheck %s
; A group of which nothing is left is still a group.

define void @f() {
  %a = call i32 @g()
  ret void
}

; CHECK: declare i32 @g() #0
declare i32 @g() willreturn memory(read)
; CHECK: attributes #0 = { "galeed-none-left" }
