fn main() {
    println!("plain");
}
