//! C calls no future, no generic function, no method.
#[galeed::export]
async fn later() {}

#[galeed::export]
fn any<T>(_: T) {}

struct Thing;
impl Thing {
    #[galeed::export]
    fn method(&self) {}
}

fn main() {}
