declare i32 @__CxxFrameHandler3(...)
declare void @f(ptr)
define void @w(ptr %p) personality ptr @__CxxFrameHandler3 {
entry:
  invoke void @f(ptr %p) to label %ok unwind label %disp
disp:
  %cs = catchswitch within none [label %h1, label %h2] unwind label %cl
h1:
  %cp = catchpad within %cs [ptr null, i32 64, ptr %p]
  %v = load i32, ptr %p
  call void @f(ptr %p) [ "funclet"(token %cp) ]
  catchret from %cp to label %ok
h2:
  %cp2 = catchpad within %cs [ptr null, i32 64, ptr null]
  store ptr %p, ptr %p
  catchret from %cp2 to label %ok
cl:
  %c = cleanuppad within none []
  call void @f(ptr %p) [ "funclet"(token %c) ]
  cleanupret from %c unwind to caller
ok:
  ret void
}
