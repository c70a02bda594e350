//! What the compiler must refuse: rights of a thread, kept across an `.await`.
//!
//! Without a feature this holds what is allowed, so that each refusal is for its own line.

#[cfg(feature = "isolated")]
#[allow(dead_code)]
async fn a_gate_is_a_call() -> Result<u8, galeed::Violation> {
    #[cfg(feature = "await-in-catch")]
    return galeed::catch(|| std::future::ready(1).await);
    #[cfg(not(feature = "await-in-catch"))]
    {
        let one = galeed::catch(|| 1)?;
        Ok(std::future::ready(one).await)
    }
}

#[allow(dead_code)]
fn rights_stay_on_their_thread() {
    use galeed_mpk::{Domain, PageGroup, Prot, Rights};
    tokio::spawn(async {
        let group = PageGroup::map(1, 4096, Prot::ReadWrite).expect("a group");
        let begun = group.begin(Prot::Read).expect("a key");
        #[cfg(not(feature = "begun-across-await"))]
        drop(begun);
        tokio::task::yield_now().await;
        #[cfg(feature = "begun-across-await")]
        drop(begun);
    });
    tokio::spawn(async {
        let domain = Domain::create(0).expect("a domain");
        let opened = domain.open(Rights::Read).expect("open");
        #[cfg(not(feature = "opened-across-await"))]
        drop(opened);
        tokio::task::yield_now().await;
        #[cfg(feature = "opened-across-await")]
        drop(opened);
    });
}
