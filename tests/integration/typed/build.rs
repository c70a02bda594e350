//! Writes the header of the types that the library lends.

#[path = "src/types.rs"]
mod types;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/types.rs");
    let folder = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(
        folder.join("types.h"),
        galeed::header::<(types::Config,)>()?,
    )?;
    Ok(())
}
