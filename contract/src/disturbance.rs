use crate::names::named;

named! {
    /// What can take the processor from the program, as the guest's kernel counts it. A name
    /// that does not count events ends in its unit.
    Disturbance {
        /// Involuntary context switches of the process (getrusage(2), `ru_nivcsw`).
        Switches = "switches",
        /// Nanoseconds in which the process was ready to run but did not (/proc/self/schedstat,
        /// the second field).
        RunDelay = "run_delay_ns",
        /// Time in which the hypervisor ran something else on the processor, in
        /// hundredths of a second (/proc/stat, `steal`).
        Steal = "steal_cs",
        /// Interrupts of all kinds that the processor took (/proc/interrupts).
        Interrupts = "interrupts",
    }
}
