# Completion of ftx for fish.  What there is, "ftx help table" says.

# The command that the line names, if it does.
function __ftx_verb
    for word in (commandline -opc)[2..]
        if contains -- $word $__ftx_verbs
            echo $word
            return 0
        end
    end
    return 1
end

function __ftx_is
    set -l verb (__ftx_verb)
    contains -- "$verb" $argv
end

function __ftx_hosts
    ftx host ls 2>/dev/null </dev/null | string replace -r ' .*' "$argv[1]"
end

function __ftx_load
    set -g __ftx_verbs
    set -l rows (ftx help table 2>/dev/null </dev/null)
    for row in $rows
        set -l field (string split \t -- $row)
        switch $field[1]
            case verb
                set -a __ftx_verbs $field[2]
                complete -c ftx -f -n 'not __ftx_verb >/dev/null' -a $field[2] -d "$field[4]"
                complete -c ftx -f -n '__ftx_is help' -a $field[2]
            case topic
                complete -c ftx -f -n '__ftx_is help' -a $field[2]
            case option
                set -l spec -c ftx -n "__ftx_is $field[2]" -d "$field[6]"
                test "$field[3]" = -; or set -a spec -s (string sub -s 2 -- $field[3])
                test "$field[4]" = -; or set -a spec -l (string sub -s 3 -- $field[4])
                switch $field[5]
                    case -
                    case FILE
                        set -a spec -r -F
                    case MODE
                        set -a spec -x -a 'auto none zlib zstd'
                    case '*'
                        set -a spec -x
                end
                complete $spec
        end
    end
end

complete -c ftx -f
__ftx_load
functions -e __ftx_load
complete -c ftx -n '__ftx_is put get verify digest ln' -F
complete -c ftx -n '__ftx_is put get verify digest ln ls stat df mkdir mv rm' -a '(__ftx_hosts :)'
complete -c ftx -f -n '__ftx_is ping' -a '(__ftx_hosts "")'
complete -c ftx -f -n '__ftx_is config; and not contains show (commandline -opc)' -a show
complete -c ftx -f -n '__ftx_is config; and contains show (commandline -opc)' -a '(__ftx_hosts "")'
complete -c ftx -f -n '__ftx_is host; and not string match -qr "^(add|ls|rm)\$" (commandline -opc)' -a 'add ls rm'
complete -c ftx -f -n '__ftx_is host; and contains rm (commandline -opc)' -a '(__ftx_hosts "")'
