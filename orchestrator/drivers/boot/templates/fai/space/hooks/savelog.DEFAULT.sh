# What went wrong in a script goes to the console: nobody can log in here to read it.
if [ "$(cat "$LOGDIR/task_error")" -gt 0 ] && [ -s "$LOGDIR/scripts.log" ]; then
    echo "The end of scripts.log:"
    tail -n 25 "$LOGDIR/scripts.log"
fi
