; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; Names for one function: those that nobody can replace lead other files to the body.

$f = comdat any
$odd = comdat any

@strong = alias void (ptr, ...), ptr @f
@hidden_one = hidden unnamed_addr alias void (ptr, ...), ptr @f
@weak_one = weak alias void (ptr, ...), ptr @f
@of_weak = alias void (), ptr @w
@of_inside = alias void (), ptr @inside
@data = alias i32, ptr @number
@number = global i32 1

define void @f(ptr %p, ...) comdat {
  ret void
}
define weak void @w() {
  ret void
}
define internal void @inside() {
  ret void
}
define weak_odr protected void @odd() comdat {
  call void @odd()
  ret void
}

; CHECK-DAG:   @strong.foreign = hidden alias void (ptr, ...), ptr @f.foreign
; CHECK-DAG:   @hidden_one.foreign = hidden alias void (ptr, ...), ptr @f.foreign
; CHECK-DAG:   @strong = alias void (ptr, ...), ptr @f
; CHECK-NOT:   weak_one.foreign
; CHECK-NOT:   of_weak.foreign
; CHECK-NOT:   of_inside.foreign
; CHECK-NOT:   data.foreign
; Comdats: bodies stay beside their gates, so that the linker keeps or drops both.
; CHECK-LABEL: define internal void @f.listed(ptr %p, ptr %galeed.list) section "galeed_text" comdat($f)
; CHECK-LABEL: define internal void @odd.foreign() section "galeed_text" comdat($odd)
; CHECK-NEXT:    call void @odd()
; CHECK-LABEL: define void @f(ptr %a0, ...) {{.*}}section "galeed_text" comdat
; CHECK-LABEL: define hidden void @f.foreign(ptr %a0, ...) {{.*}}section "galeed_text" comdat($f)
; CHECK-LABEL: define weak_odr protected void @odd()
