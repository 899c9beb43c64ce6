//! Says what this machine's KVM is.

fn main() {
    println!("{}", vmm::probe::probe());
}
