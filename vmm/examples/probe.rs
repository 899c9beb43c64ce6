//! Prints what kind of KVM this machine has.

fn main() {
    println!("{}", vmm::probe::probe());
}
