//! What stays on its thread is given to foreign code, from which any thread takes it back.
use std::rc::Rc;

fn main() {
    let counted = Rc::new(1);
    let out = galeed::into_foreign(Box::new(Rc::clone(&counted))).unwrap() as usize;
    std::thread::spawn(move || galeed::from_foreign(out as *mut Rc<i32>).unwrap());
}
