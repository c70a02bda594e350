use geometry::{Rect, Style, area, double, length, stroke};

fn main() {
    let mut rect = Rect {
        layer: 1,
        x: 2.0,
        y: 3.0,
        flags: 0,
    };
    double(&mut rect);
    let style = Style::default();
    println!(
        "{} {} {}",
        area(&rect),
        stroke(&style, 4.0),
        length(&[0.0, 1.0, 4.0], false)
    );
}
