# Bash completion for gracedb-kafka and gracedb-kafka-supervisor. The words come from the help texts of the programs.

_gracedb_kafka_options() {
  "$@" --help 2>/dev/null | sed -nE 's/^  +((-[A-Za-z]), )?(--[a-z][a-z-]*).*/\2 \3/p'
}

_gracedb_kafka_commands() {
  "$1" --help 2>/dev/null | sed -nE '/^Commands:/,/^$/s/^  ([a-z-]+( [a-z]+)?)  .*/\1/p'
}

_gracedb_kafka() {
  local program=$1 current=$2 previous=$3 command=
  if [[ ${program##*/} == gracedb-kafka ]]; then
    if ((COMP_CWORD == 1)); then
      mapfile -t COMPREPLY < <(compgen -W "$(_gracedb_kafka_commands "$program") --help --version" -- "$current")
      return
    fi
    command=${COMP_WORDS[1]}
  elif ((COMP_CWORD == 1)) && [[ $current != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W dead-letters -- "$current")
    return
  elif [[ ${COMP_WORDS[1]} == dead-letters ]]; then
    if ((COMP_CWORD == 2)); then
      mapfile -t COMPREPLY < <(compgen -W "$(_gracedb_kafka_commands "$program" | sed -n 's/^dead-letters //p')" -- "$current")
      return
    fi
    command="dead-letters ${COMP_WORDS[2]}"
  fi
  case $previous in
    --ca-cert | --gracedb-ca-cert | --config | --save | --spool-dir)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --log-level)
      mapfile -t COMPREPLY < <(compgen -W "debug info warning error off" -- "$current")
      return
      ;;
    --log-format)
      mapfile -t COMPREPLY < <(compgen -W "text json" -- "$current")
      return
      ;;
    --from)
      mapfile -t COMPREPLY < <(compgen -W "earliest latest" -- "$current")
      return
      ;;
    --for)
      mapfile -t COMPREPLY < <(compgen -W "kafka gracedb" -- "$current")
      return
      ;;
  esac
  if [[ $current == -* ]]; then
    # shellcheck disable=SC2086  # zero, one or two words
    mapfile -t COMPREPLY < <(compgen -W "$(_gracedb_kafka_options "$program" $command)" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

complete -o filenames -F _gracedb_kafka gracedb-kafka gracedb-kafka-supervisor
