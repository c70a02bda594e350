; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s

; Inline functions and template instances: every unit has a copy, the linker keeps one of a
; name. Rewritten copies have names that no other copy has, and addresses lead to gates.

$called = comdat any
$taken = comdat any
$"quoted name" = comdat any
$_ZN1CC5Ev = comdat any
$table = comdat any

@table = linkonce_odr constant { ptr, ptr } { ptr @taken, ptr @"quoted name" }, comdat
@text = private constant [15 x i8] c"@called @taken\00"
@llvm.compiler.used = appending global [1 x ptr] [ptr @called], section "llvm.metadata"

define linkonce_odr i32 @called(i32 %n) comdat {
  %less = sub i32 %n, 1
  %again = call i32 @called(i32 %less)
  ret i32 %again
}
define linkonce_odr hidden void @taken(ptr %p) #0 comdat {
  ret void
}
define linkonce_odr void @"quoted name"() #0 comdat {
  ret void
}
define linkonce_odr void @_ZN1CC2Ev(ptr %this) #0 comdat($_ZN1CC5Ev) {
  ret void
}
define internal ptr @user() personality ptr @__gxx_personality_v0 {
  %n = call i32 @called(i32 4)
  invoke void @taken(ptr @taken)
          to label %normal unwind label %thrown
normal:
  call void @_ZN1CC2Ev(ptr @taken)
  ret ptr @"quoted name"
thrown:
  %e = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %e
}
declare i32 @__gxx_personality_v0(...)
attributes #0 = { nounwind }

; CHECK:       $called.foreign = comdat any
; CHECK:       $_ZN1CC5Ev.foreign = comdat any
; CHECK:       $taken.gate = comdat any
; CHECK:       @table = linkonce_odr constant { ptr, ptr } { ptr @taken.gate, ptr @"quoted name.gate" }, comdat
; CHECK:       @text = private constant [15 x i8] c"@called @taken\00"
; Reports keep the source's name.
; CHECK:       @galeed.name.taken = private unnamed_addr constant [6 x i8] c"taken\00"

; CHECK:       define linkonce_odr i32 @called.foreign(i32 %n) section "galeed_text" comdat {
; CHECK:         call i32 @called.foreign(i32 %less)
; CHECK:       define linkonce_odr hidden void @taken.foreign(ptr %p) #{{[0-9]+}} section "galeed_text" comdat {
; CHECK:       define linkonce_odr void @"quoted name.foreign"() #{{[0-9]+}} section "galeed_text" comdat {
; CHECK:       define linkonce_odr void @_ZN1CC2Ev.foreign(ptr %this) #{{[0-9]+}} section "galeed_text" comdat($_ZN1CC5Ev.foreign) {
; CHECK:         call i32 @called.foreign(i32 4)
; CHECK-NEXT:    invoke void @taken.foreign(ptr @taken.gate)
; CHECK:         call void @_ZN1CC2Ev.foreign(ptr @taken.gate)
; CHECK-NEXT:    ret ptr @"quoted name.gate"

; CHECK:       define linkonce_odr hidden void @taken.gate(ptr %a0) #{{[0-9]+}} section "galeed_text" comdat {
; CHECK:         %where = call preserve_allcc i32 @galeed_gate_side()
; CHECK:         musttail call void @taken.foreign(ptr %a0)
; CHECK:         invoke void %inside.body(ptr %x0)
; CHECK:       define linkonce_odr void @"quoted name.gate"() #{{[0-9]+}} section "galeed_text" comdat {
; CHECK-NOT:   @_ZN1CC2Ev.gate
