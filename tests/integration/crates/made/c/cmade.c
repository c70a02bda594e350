int cmade_sum(const int *at, int count) {
    int sum = 0;
    while (count-- > 0) {
        sum += *at++;
    }
    return sum;
}
