/* A program around the whole of one room and the rooms it needs: it links only if the room calls no
 * other. */
int main(void)
{
    return 0;
}
