#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes src/rego/unicode_class.c and src/rego/unicode_case.c from Perl's own copy of the Unicode
# character database:  perl tools/unicode_tables.pl
use strict;
use warnings;
use Unicode::UCD qw(prop_invmap);

my $version = Unicode::UCD::UnicodeVersion();

sub rows {
    my ($out, @cells) = @_;
    my $line = "   ";
    for my $cell (@cells) {
        if (length($line) + length($cell) + 2 > 100) {
            print $out "$line\n";
            $line = "   ";
        }
        $line .= " $cell,";
    }
    print $out "$line\n";
}

sub head {
    my ($out, $what) = @_;
    print $out "/* SPDX-License-Identifier: Apache-2.0 */\n";
    print $out "/* $what of Unicode $version, written by tools/unicode_tables.pl.\n";
    print $out " * Each entry opens a run of code points that ends where the next begins. */\n";
    print $out "#include \"rego/unicode.h\"\n\n/* clang-format off */\n";
}

open(my $class, ">", "src/rego/unicode_class.c") or die;
head($class, "General categories and scripts");
for my $table (["General_Category", "category"], ["Script", "script"]) {
    my ($starts, $values) = prop_invmap($table->[0]);
    my (%id, @names, @cells);
    for my $i (0 .. $#$starts) {
        last if $starts->[$i] > 0x10FFFF;
        my $v = $values->[$i];
        if (!exists $id{$v}) { $id{$v} = @names; push @names, $v; }
        push @cells, sprintf("0x%x", $starts->[$i] * 256 + $id{$v});
    }
    my $n = $table->[1];
    print $class "const char *const wr_unicode_${n}_names[] = {\n";
    rows($class, (map { "\"$_\"" } @names), "NULL");
    print $class "};\n\n/* code point * 256 + index of the name */\n";
    print $class "const uint32_t wr_unicode_${n}_runs[] = {\n";
    rows($class, @cells);
    print $class "};\nconst size_t wr_unicode_${n}_n = WR_COUNTOF(wr_unicode_${n}_runs);\n\n";
}
close $class;

open(my $case, ">", "src/rego/unicode_case.c") or die;
head($case, "Simple case mappings");
for my $table (["Simple_Uppercase_Mapping", "upper"], ["Simple_Lowercase_Mapping", "lower"]) {
    my ($starts, $values) = prop_invmap($table->[0]);
    my @cells;
    for my $i (0 .. $#$starts) {
        last if $starts->[$i] > 0x10FFFF;
        my $delta = $values->[$i] == 0 ? 0 : $values->[$i] - $starts->[$i];
        push @cells, sprintf("{0x%x, %d}", $starts->[$i], $delta);
    }
    my $n = $table->[1];
    print $case "const struct wr_unicode_case wr_unicode_${n}_runs[] = {\n";
    rows($case, @cells);
    print $case "};\nconst size_t wr_unicode_${n}_n = WR_COUNTOF(wr_unicode_${n}_runs);\n\n";
}
close $case;
