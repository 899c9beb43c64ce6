# Files, a sort, a child, a pipe and a signal, each with a result that is checked.
use strict;
use warnings;

my $path = "words.$$";
open(my $out, '>', $path) or die;
print $out "$_\n" for reverse 'a' .. 'zz';
close($out) or die;
open(my $in, '<', $path) or die;
my @words = sort <$in>;
close($in) or die;
unlink($path) or die;
die unless @words == 702 && $words[0] eq "a\n";

my $caught = 0;
$SIG{USR1} = sub { $caught++ };
kill('USR1', $$);
die unless $caught == 1;

pipe(my $read, my $write) or die;
my $child = fork() // die;
if ($child == 0) {
    close($read);
    print $write "from the child\n";
    close($write);
    exit 7;
}
close($write);
my $said = <$read>;
waitpid($child, 0);
die unless $said eq "from the child\n" && $? >> 8 == 7;
print scalar(@words), " words\n";
