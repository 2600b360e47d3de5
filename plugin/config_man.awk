# awk -f config_man.awk README.md: the section "Configuration" of the plugin's README as cert-renewal.conf(5). Any POSIX
# awk. What it knows of Markdown is what that section uses: headings, paragraphs, tables, lists, indented blocks,
# `code`, **bold** and links. A table of keys becomes a list of them; another one, too, with its head's words at each value.
# The output is ASCII as long as plain() knows every other character.

BEGIN {
    print ".\\\" Generated from plugin/README.md by plugin/config_man.awk."
    print ".TH CERT\\-RENEWAL.CONF 5 \"\" \"mosquitto-cert-renewal\" \"File Formats\""
    print ".SH NAME"
    print "cert\\-renewal.conf \\- configuration of the certificate renewal plugin of Mosquitto"
    print ".SH SYNOPSIS"
    print ".I /etc/mosquitto/cert\\-renewal.conf"
}

/^## / {
    end_all()
    inside = $0 == "## Configuration"
    if (inside) print ".SH DESCRIPTION"
    after_heading = 1
    next
}
!inside { next }

/^### / { heading(".SH", toupper(substr($0, 5))); next }
/^#### / { heading(".SS", substr($0, 6)); next }

/^    / {
    flush()
    if (!in_block) print (in_list ? ".IP\n" : after_heading ? "" : ".PP\n") ".EX"
    for (; blanks > 0; blanks--) print ""
    in_block = 1
    print "    " guarded(code(plain(substr($0, 5))))
    next
}
/^$/ {
    if (in_block) blanks++
    else flush()
    table = ""
    next
}
/^\|[-| ]*\|$/ { next }
/^\|/ {
    end_block()
    row($0)
    next
}
/^- / {
    end_block()
    flush()
    print ".IP \\(bu 2"
    in_list = after_heading = 1
    collected = substr($0, 3)
    next
}
{
    end_block()
    if (collected == "") {
        if (in_list && $0 !~ /^ /) in_list = 0
        collected = $0
    } else {
        collected = collected "\n" $0
    }
}

END {
    end_all()
    print ".SH FILES"
    print ".TP"
    print ".I /etc/mosquitto/conf.d/cert\\-renewal.conf"
    print "Where the broker is told to load the plugin."
    print ".TP"
    print ".I /usr/share/doc/mosquitto\\-cert\\-renewal/README.md"
    print "How it is installed, what devices and operators send and get, and what is referred to here."
    print ".SH SEE ALSO"
    print ".BR renewalctl (1),"
    print ".BR mosquitto (8),"
    print ".BR mosquitto.conf (5)"
}

function heading(macro, words) {
    end_all()
    print macro " \"" inline(words) "\""
    after_heading = 1
}

# Prints the paragraph, or the item of a list, that was collected.
function flush() {
    if (collected == "") return
    if (!after_heading) print ".PP"
    print_lines(inline(collected))
    collected = ""
    after_heading = 0
}
function end_block() {
    if (in_block) print ".EE"
    in_block = blanks = 0
}
function end_all() {
    end_block()
    flush()
    in_list = 0
    table = ""
}

function row(line,    cell, count, i) {
    flush()
    count = split(line, cell, /[ ]*\|[ ]*/)
    if (table == "") {
        table = cell[2]
        for (i in head) delete head[i]
        for (i = 2; i < count; i++) head[i] = cell[i]
        return
    }
    print ".TP"
    if (table == "key") {
        if (cell[4] != "required") cell[4] = "default " cell[4]
        print inline(cell[2]) " \\fI" inline(cell[3]) "\\fR (" inline(cell[4]) ")"
        print_lines(sentence(inline(cell[5])))
    } else {
        print inline(cell[2])
        for (i = 3; i < count; i++) print_lines(inline(head[i]) ": " inline(cell[i]) (i < count - 1 ? ";" : "."))
    }
    after_heading = in_list = 0
}

function sentence(words) { return toupper(substr(words, 1, 1)) substr(words, 2) (words ~ /[.:]$/ ? "" : ".") }

function print_lines(s,    line, count, i) {
    count = split(s, line, "\n")
    for (i = 1; i <= count; i++) {
        sub(/^ +/, "", line[i])
        if (line[i] != "") print guarded(line[i])
    }
}

# A line that begins with . or ' would be a request.
function guarded(line) { return line ~ /^[.']/ ? "\\&" line : line }

# Other characters than ASCII's, and what has a meaning for roff.
function plain(s) {
    gsub(/\\/, "\\e", s)
    gsub(/⟳/, "(restart)", s)
    gsub(/⇄/, "(shared)", s)
    gsub(/…/, "...", s)
    gsub(/µ/, "u", s)
    gsub(/′/, "\\(fm", s)
    return s
}
function code(s) {
    gsub(/-/, "\\-", s)
    gsub(/'/, "\\(aq", s)
    gsub(/\^/, "\\(ha", s)
    gsub(/~/, "\\(ti", s)
    return s
}

# Links are their words; `code` and **bold** are bold.
function inline(s,    part, count, i, out) {
    s = plain(s)
    while (match(s, /\[[^][]*\]\([^()]*\)/)) {
        out = substr(s, RSTART + 1, RLENGTH - 2)
        sub(/\]\([^()]*$/, "", out)
        s = substr(s, 1, RSTART - 1) out substr(s, RSTART + RLENGTH)
    }
    count = split(s, part, "`")
    out = part[1]
    for (i = 2; i <= count; i++) out = out (i % 2 ? "\\fR" part[i] : "\\fB" code(part[i]))
    count = split(out, part, /\*\*/)
    out = part[1]
    for (i = 2; i <= count; i++) out = out (i % 2 ? "\\fR" : "\\fB") part[i]
    return out
}
